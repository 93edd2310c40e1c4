"""The screens of the back office: who is in the coalition, and what they sign."""
