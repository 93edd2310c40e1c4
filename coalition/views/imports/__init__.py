"""The back office's pages about imports: a file, its columns, a look ahead, the report, the way back."""
