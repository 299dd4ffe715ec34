"""What the subject's side sees: the log, who holds copies, the concerns she raises and the answers owed."""
