#include "smtpd/queue/incoming_header.h"

#include <doctest/doctest.h>

#include "smtpd/queue/header_draft.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

const std::vector<std::string> drop{"bcc", "content-length", "resent-bcc", "return-path"};

/// The message as it would be stored.
std::string taken(std::string_view message, std::string_view top = "",
                  const std::vector<Edit>& edits = {}) {
  auto end = find_header_end(message, true);
  HeaderDraft draft(std::string(top), message.substr(0, end.bytes), end);
  draft.edit(edits);
  draft.edit(header_facts(draft.text(), drop).dropped);
  std::string out;
  for (const auto& piece : draft.pieces(message.size())) {
    out += piece.length == 0 ? std::string_view(piece.text)
                             : message.substr(piece.offset, piece.length);
  }
  return out;
}

}  // namespace

TEST_CASE("a header that is followed by text at once gets its empty line") {
  struct Row {
    const char* in;
    const char* out;
  };
  for (const auto& row :
       {Row{"Subject: x\n\nbody\n", "Subject: x\n\nbody\n"},
        Row{"Subject: x\nThe load is 17 now\nTo: y\n", "Subject: x\n\nThe load is 17 now\nTo: y\n"},
        Row{"just text\n", "\njust text\n"}, Row{" text: x\n", "\n text: x\n"},
        Row{"A: b\n c\nB : d\n: e\n", "A: b\n c\nB : d\n\n: e\n"}, Row{"\nbody\n", "\nbody\n"},
        Row{"", ""}, Row{"A: b", "A: b"},
        Row{"From ann Thu Nov 23\nA: b\n\nx\n", "X-Mailbox-Line: From ann Thu Nov 23\nA: b\n\nx\n"},
        Row{"A: b\nFrom ann Thu\n\nx\n", "A: b\n\nFrom ann Thu\n\nx\n"}}) {
    CAPTURE(row.in);
    CHECK(taken(row.in) == row.out);
  }
}

TEST_CASE("message_drop_headers go from the message's own header, whatever their form") {
  struct Row {
    const char* in;
    const char* out;
  };
  for (const auto& row :
       {Row{"To: a\nBcc: b\n\nx\n", "To: a\n\nx\n"},
        Row{"bCC:b,\n c\n\td\nTo: a\n\nx\n", "To: a\n\nx\n"}, Row{"Bcc : b\nTo: a\n", "To: a\n"},
        Row{"Bcc:\n\nx\n", "\nx\n"}, Row{"Bcc: b", ""},
        Row{"Bcc: b\nBCC: c\nbcc: d\n\nx\n", "\nx\n"},
        Row{"Resent-Bcc: b\nReturn-Path: <c>\nContent-Length: 3\nA: b\n\nx\n", "A: b\n\nx\n"},
        Row{"X-Bcc: b\nBccc: c\nContent-Length-X: 3\n\nx\n",
            "X-Bcc: b\nBccc: c\nContent-Length-X: 3\n\nx\n"},
        Row{"A: b\n Bcc: c\n\nBcc: d\n", "A: b\n Bcc: c\n\nBcc: d\n"},
        Row{"A: b\ntext\nBcc: d\n", "A: b\n\ntext\nBcc: d\n"},
        Row{"Content-Type: message/rfc822\n\nBcc: b\n\nx\n",
            "Content-Type: message/rfc822\n\nBcc: b\n\nx\n"}}) {
    CAPTURE(row.in);
    CHECK(taken(row.in) == row.out);
  }
}

TEST_CASE("what is dropped is dropped behind many fields, and behind long ones") {
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "X-N: y\n";
  std::string dropped = many + "Bcc: b\n\nx\n";
  CHECK(taken(dropped) == many + "\nx\n");
  std::string long_field = "X: " + std::string(200'000, 'y') + "\n";
  CHECK(taken(long_field + "Bcc: b\n\nx\n") == long_field + "\nx\n");
}

TEST_CASE("each edit of a header sees the ones before, above our fields and below them") {
  const std::string header = "A: 1\nB: 2\n";
  HeaderDraft draft("R: x\nS: y\n", header, find_header_end(header, true));
  CHECK(draft.whole() == "R: x\nS: y\nA: 1\nB: 2\n");
  CHECK_FALSE(draft.is_edited());
  // Removes S, inserts C above A.
  draft.edit_whole({{5, 5, ""}, {10, 0, "C: 3\n"}});
  CHECK(draft.whole() == "R: x\nC: 3\nA: 1\nB: 2\n");
  // The second edit goes from R into the inserted text.
  draft.edit_whole({{0, 0, "T: 0\n"}, {3, 4, "z\nD"}, {20, 0, "E: 5\n"}});
  CHECK(draft.whole() == "T: 0\nR: z\nD 3\nA: 1\nB: 2\nE: 5\n");
  draft.edit({{0, 3, ""}});
  CHECK(draft.text() == "A: 1\nB: 2\nE: 5\n");
  CHECK(draft.is_edited());
  CHECK(draft.line_ends_left(2) == 2);
  draft.edit({{5, 5, ""}});
  CHECK(draft.line_ends_left(2) == 1);
}

TEST_CASE("edits stand beside what is dropped, those within it go") {
  // Appends a domain to each of `To: a`, `Bcc: b` and `Cc: c`, and adds a field on top.
  std::vector<Edit> edits{{0, 0, "Date: now\n"}, {5, 0, "@x"}, {12, 0, "@x"}, {18, 0, "@x"}};
  CHECK(taken("To: a\nBcc: b\nCc: c\n\nx\n", "Received: r\n", edits) ==
        "Received: r\nDate: now\nTo: a@x\nCc: c@x\n\nx\n");
  // The new field goes before that of the From_ line, not into it.
  CHECK(taken("From ann Thu\nBcc: b\n\nx\n", "Received: r\n", {{0, 0, "Date: now\n"}}) ==
        "Received: r\nDate: now\nX-Mailbox-Line: From ann Thu\n\nx\n");
  CHECK(taken("Bcc: b\nA: c\n\nx\n", "", {{0, 0, "Date: now\n"}, {7, 4, "B: d"}}) ==
        "Date: now\nB: d\n\nx\n");
}

TEST_CASE("a header's hops and its first Message-ID are known") {
  auto facts = header_facts("Received: a\nMessage-ID: <1@x>\nRECEIVED: b\nMessage-ID: <2@x>\n");
  CHECK(facts.hops == 2);
  CHECK(facts.message_id == "<1@x>");
  CHECK(facts.dropped.empty());
}
