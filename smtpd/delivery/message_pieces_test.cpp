#include "smtpd/delivery/message_pieces.h"

#include <doctest/doctest.h>

using namespace pennypost::smtp;

namespace {

Attempt attempt_of(std::string body, std::vector<Piece> pieces) {
  Attempt attempt;
  attempt.body = std::move(body);
  attempt.envelope.pieces = std::move(pieces);
  return attempt;
}

}  // namespace

TEST_CASE("text of ours and ranges of the body come in their order") {
  auto attempt = attempt_of("A: b\nB: c\n\nbody\n", {Piece{"X: y\n", 0, 0}, Piece{"", 5, 11}});
  auto pieces = message_pieces(attempt, -1);
  REQUIRE(pieces);
  CHECK(*message_header(*pieces, 1000) == "X: y\nB: c\n\n");
  CHECK(*message_header(*pieces, 7) == "X: y\nB:");
}

TEST_CASE("a range beyond the body is an error, never read") {
  for (const auto& piece :
       {Piece{"", 0, 6}, Piece{"", 6, 1}, Piece{"", ~0ull, 2}, Piece{"", 2, ~0ull}}) {
    auto attempt = attempt_of("12345", {piece});
    CHECK_FALSE(message_pieces(attempt, -1));
  }
}
