"""The RFC index held against the code; see rfc.py."""
from harness import check, test
from rfc import disagreements


@test("every cited RFC is in the index, and what the index calls done is cited where it says")
def agrees(t):
    del t
    troubles = disagreements()
    check(not troubles, f"{len(troubles)} found\n" + "\n".join(troubles))
