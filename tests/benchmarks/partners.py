"""Partners, publications and answers of the sizes that large coalitions reach, written by a few statements.

Every partner was asked about every publication; which it signed comes from a hash, so each run has the same rows.
"""

from datetime import timedelta

from tests import benchmarks
from tests.benchmarks.crowd import FAMILY, GIVEN, PLACES, array

OPEN = 3  # rounds that are open at once; the others are over
WORDS = "Children read better where a coach stays for two years, and a school keeps what it has learned. "
PARAGRAPHS = 40
KINDS = ("civil_rights", "union", "mentoring", "families", "education", "community", "faith", "research")
FORMS = (
    "Alliance of",
    "The Center for",
    "Voices of",
    "United",
    "La Casa de",
    "Friends of",
    "Educators for",
    "Fund for",
)
CAUSES = (
    "Families",
    "Readers",
    "Teachers",
    "Neighbors",
    "Youth",
    "Mentors",
    "Students",
    "Faith",
    "Learners",
    "Parents",
)
# Of a hundred partners asked: what they say. The rest are silent.
ANSWERS = {"sign": 62, "support": 8, "abstain": 5, "decline": 8, "time": 2, "withdraw": 2}


def h(number, seed, below):
    """A number from 0 up to `below`, from a hash of an SQL expression."""
    return f"((hashint8extended(({number})::bigint, {seed}) & 2147483647) % {below})"


def one_of(values, number, seed):
    values = list(values)
    return f"({array(values)})[1 + {h(number, seed, len(values))}]"


def fill(partners, publications):
    """Write everything; pairs of (partner o, publication n) are numbered o * publications + n for their hash."""
    from django.db import connection
    from django.utils import timezone

    from coalition.models import Installation, Organization, Region, Topic

    if Organization.objects.exists():
        return  # a database that was kept
    if not Installation.objects.exists():
        Installation.objects.create(
            name="Riverbend", short_name="Riverbend", postal_address="100 Main St", email="hello@riverbend.example.org"
        )
    Region.objects.bulk_create(Region(name=f"Region {n}", slug=f"region-{n}", position=n) for n in range(8))
    Topic.objects.bulk_create(Topic(name=f"Topic {n}", slug=f"topic-{n}") for n in range(6))
    benchmarks.say(f"writing {partners:,} partners × {publications:,} publications")
    with connection.cursor() as cursor:
        for statement in (*_partners(partners), *_publications(publications)):
            cursor.execute(statement)
    _freeze(publications)
    now = timezone.now()
    with connection.cursor() as cursor:
        for statement in (*_rounds(publications, now), *_asked(publications), *_answered(publications)):
            cursor.execute(statement)
        for table in ("organization", "person", "publication", "representative", "round"):
            name = f"coalition_{table}"
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}")
        benchmarks.say("vacuuming")
        cursor.execute("VACUUM (ANALYZE)")


def _partners(number):
    family, given = one_of(FAMILY, "n", 1), one_of(GIVEN, "n", 2)
    name = f"{one_of(FORMS, 'n', 3)} || ' ' || {one_of(CAUSES, 'n', 4)} || ' ' || {family} || ' ' || n"
    scope = "CASE WHEN n % 10 < 6 THEN 'local' WHEN n % 10 < 9 THEN 'state' ELSE 'national' END"
    yield f"""
        INSERT INTO coalition_organization (id, name, printed_name, kind, scope, city, state, website, languages,
            search, created_at, custom, email, phone, size, stage, street, zip, stage_at)
        SELECT n, {name}, '', {one_of(KINDS, "n", 5)}, {scope}, {one_of([p[0] for p in PLACES], "n", 6)}, 'MA', '',
            '["en"]', 'x' || n, now(), '{{}}', '', '', '', 'partner', '', '', now()
        FROM generate_series(1, {number}) n
    """
    from_ = "translate(lower(name), 'áéíóúñ', 'aeioun')"
    yield f"UPDATE coalition_organization SET search = {from_}"
    yield f"""
        INSERT INTO coalition_organization_regions (organization_id, region_id)
        SELECT n, (SELECT min(id) FROM coalition_region) + n % 8 FROM generate_series(1, {number}) n
    """
    # Two people speak for each partner; the second is asked when nobody answers.
    yield f"""
        INSERT INTO coalition_person (id, name, given_name, family_name, language, street, city, county, state, zip,
            time_zone, custom, search, created_at, updated_at)
        SELECT n, {given} || ' ' || {family} || ' ' || n, {given}, {family} || ' ' || n,
            CASE WHEN n % 3 = 0 THEN 'es' ELSE 'en' END, '', '', '', 'MA', '', '', '{{}}', 'person ' || n, now(), now()
        FROM generate_series(1, {2 * number}) n
    """
    yield f"""
        INSERT INTO coalition_address (person_id, channel, value, "primary", consent, fault, created_at)
        SELECT n, 'email', 'person' || n || '@people.example.org', true, 'none', '', now()
        FROM generate_series(1, {2 * number}) n
    """
    yield f"""
        INSERT INTO coalition_representative (id, organization_id, person_id, role, title, may_sign, since, nonce,
            position)
        SELECT n, 1 + (n - 1) % {number}, n, 'signatory', 'Director', true, now(), 'nonce-' || n, (n - 1) / {number}
        FROM generate_series(1, {2 * number}) n
    """


def _publications(number):
    yield f"""
        INSERT INTO coalition_publication (id, kind, title, bill, authoritative_language, public_url, created_at,
            disclaimer, draft, prints_signers, stand_alone, shown_at)
        SELECT n, (ARRAY['brief', 'report', 'letter', 'testimony', 'action'])[1 + n % 5],
            '{{"en": "Every reader ' || n || '", "es": "Que todos lean ' || n || '"}}', 'H. ' || n, 'en', '',
            now() - interval '1 day' * ({number} - n), '', '{{}}', false, true, now()
        FROM generate_series(1, {number}) n
    """
    yield f"""
        INSERT INTO coalition_publication_topics (publication_id, topic_id)
        SELECT n, (SELECT min(id) FROM coalition_topic) + n % 6 FROM generate_series(1, {number}) n
    """


def _freeze(number):
    """Each publication's text, frozen as the verb does it."""
    from coalition import publishing
    from coalition.models import Publication

    for publication in Publication.objects.order_by("pk"):
        body = "".join(f"<p>{WORDS * 4}{publication.pk}.{n}</p>" for n in range(PARAGRAPHS))
        texts = {
            code: publishing.Text.of(publication.title.localize(code), WORDS, f"<h2>Why</h2>{body}")
            for code in ("en", "es")
        }
        publishing.freeze(publication, texts, by=None)


def _rounds(number, now):
    day = timedelta(days=1)
    yield f"""
        INSERT INTO coalition_round (id, publication_id, addressee, message, deadline, zone, opened_at, closed_at,
            by_text, charts, individuals, reminder_days, scopes, second_after_days)
        SELECT n, n, '{{"en": "The committee", "es": "El comité"}}', '',
            CASE WHEN n > {number - OPEN} THEN '{now + 10 * day}'::timestamptz + interval '1 day' * ({number} - n)
                ELSE '{now - 2 * day}'::timestamptz - interval '3 days' * ({number} - n) END,
            'America/New_York',
            CASE WHEN n > {number - OPEN} THEN '{now - 10 * day}'::timestamptz
                ELSE '{now - 25 * day}'::timestamptz - interval '3 days' * ({number} - n) END,
            CASE WHEN n > {number - OPEN} THEN NULL
                ELSE '{now - day}'::timestamptz - interval '3 days' * ({number} - n) END,
            false, '{{}}', false, '[7, 2]', '[]', 3
        FROM generate_series(1, {number}) n
    """


def _asked(number):
    pair = f"(o.id * {number} + r.id)"
    yield f"""
        INSERT INTO coalition_invitation (nonce, invited_at, organization_id, representative_id, round_id, version_id,
            seen_at)
        SELECT 'n' || {pair}, r.opened_at, o.id, o.id, r.id, v.id,
            CASE WHEN {h(pair, 11, 100)} < 92 THEN r.opened_at + interval '1 hour' * {h(pair, 12, 200)} END
        FROM coalition_organization o, coalition_round r JOIN coalition_version v USING (publication_id)
    """
    for kind, after, share in (("invitation", 0, 100), ("reminder", 6, 40)):
        yield f"""
            INSERT INTO coalition_ask (kind, channel, at, invitation_id, organization_id, step)
            SELECT '{kind}', 'email', invited_at + interval '{after} days', id, organization_id,
                {"7" if kind == "reminder" else "NULL"}
            FROM coalition_invitation WHERE {h("id", 13, 100)} < {share}
        """


def _answered(number):
    pair = f"(i.organization_id * {number} + i.round_id)"
    edges, floor = [], 0
    for choice, share in ANSWERS.items():
        floor += share
        edges.append(f"WHEN {h(pair, 14, 100)} < {floor} THEN '{choice}'")
    choice = f"CASE {' '.join(edges)} END"
    columns = """
        choice, signer_id, signer_name, signer_title, attested, attestation, language, reason, reason_private, late,
        live, at, until, organization_id, publication_id, version_id, round_id, invitation_id, proof, via, with_logo
    """
    values = """
        rep.person_id, person.name, 'Director', said = 'sign', '', 'en', '', false, false, {live}, i.invited_at
            + interval '1 hour' * {after}, CASE WHEN said = 'time' THEN current_date + 5 END, i.organization_id,
        r.publication_id, i.version_id, i.round_id, i.id, '', 'link', false
    """
    rows = """
        FROM coalition_invitation i JOIN coalition_round r ON r.id = i.round_id
        JOIN coalition_representative rep ON rep.id = i.representative_id
        JOIN coalition_person person ON person.id = rep.person_id,
        LATERAL (SELECT {choice} AS said) answer
        WHERE said IS NOT NULL {where} ORDER BY i.round_id, i.id
    """
    # One in ten changed its mind: the first answer stays in the history. Half of those open have not come in yet.
    came_in = f"AND (r.closed_at IS NOT NULL OR {h(pair, 15, 2)} = 0)"
    changed = rows.format(choice=choice, where=f"{came_in} AND {h(pair, 17, 10)} = 0")
    first = values.format(live="false", after=h(pair, 16, 100)).replace("said = 'sign'", "false")
    yield f"INSERT INTO coalition_decision ({columns}) SELECT 'abstain', {first} {changed}"
    last = values.format(live="true", after=f"(100 + {h(pair, 16, 300)})")
    yield f"INSERT INTO coalition_decision ({columns}) SELECT said, {last} {rows.format(choice=choice, where=came_in)}"
