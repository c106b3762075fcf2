"""The inputs that fuzz targets get in every run."""
import mutations
from harness import check, equal, test


@test("the inputs made from a fuzz target's corpus are the same in every run, many, and none too long")
def same_inputs(t):
    del t
    corpus = [b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<c@d> SIZE=100\r\n", b"x" * 10000]
    made = list(mutations.inputs(corpus, 500))
    equal(made, list(mutations.inputs(list(reversed(corpus)), 500)), "a second run's")
    check(len(set(made)) > 300, f"{len(set(made))} of 500 are different")
    check(max(map(len, made)) <= mutations.INPUT_BYTES_MAX, "their length")
