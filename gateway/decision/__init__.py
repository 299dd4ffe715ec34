"""The judgement: facts and a policy in, a decision out; pure."""
