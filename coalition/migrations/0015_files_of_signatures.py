from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("coalition", "0014_notes_and_objections_about_who_speaks")]

    operations = [
        migrations.AlterField(
            model_name="export",
            name="subject",
            field=models.CharField(
                choices=[("people", "People"), ("organizations", "Organizations"), ("signatures", "Signatures")],
                max_length=14,
                verbose_name="what",
            ),
        ),
    ]
