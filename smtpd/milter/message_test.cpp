#include "smtpd/milter/message.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

using Kind = MilterReply::Kind;

const std::string header =
    "Received: ours\n\tby us\nReceived: theirs\nSubject: one\nX-A: 1\nsubject: two\n";

std::string changed(Kind kind, std::uint32_t index, std::string name, std::string value,
                    bool keeps_space = false) {
  MilterReply change;
  change.kind = kind;
  change.index = index;
  change.name = std::move(name);
  change.value = std::move(value);
  return edited(header, header_change(header, change, keeps_space));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("milters do not see the Received field that this host has put on top") {
  std::string seen;
  SeenFields is_seen;
  std::string all = "X-Top: 0\n" + header;
  for (const HeaderField& field : HeaderFields(all)) {
    if (is_seen(field)) seen += field.whole;
  }
  CHECK(seen == "X-Top: 0\n" + header.substr(header.find("Received: theirs")));
  CHECK(changed(Kind::ChangeHeader, 1, "Received", "new") ==
        replaced(header, "Received: theirs", "Received: new"));
}

TEST_CASE("a milter changes, removes and adds the instance of a field that it names") {
  CHECK(changed(Kind::AddHeader, 0, "X-New", "1") == header + "X-New: 1\n");
  CHECK(changed(Kind::AddHeader, 0, "X-New", "\t1", true) == header + "X-New:\t1\n");
  CHECK(changed(Kind::InsertHeader, 0, "X-New", "1") == "X-New: 1\n" + header);
  CHECK(changed(Kind::InsertHeader, 1, "X-New", "1") ==
        replaced(header, "Received: theirs", "X-New: 1\nReceived: theirs"));
  CHECK(changed(Kind::InsertHeader, 100, "X-New", "1") == header + "X-New: 1\n");
  CHECK(changed(Kind::ChangeHeader, 0, "SUBJECT", "n") ==
        replaced(header, "Subject: one", "SUBJECT: n"));
  CHECK(changed(Kind::ChangeHeader, 2, "Subject", "n") ==
        replaced(header, "subject: two", "Subject: n"));
  CHECK(changed(Kind::ChangeHeader, 3, "Subject", "n") == header + "Subject: n\n");
  CHECK(changed(Kind::ChangeHeader, 2, "Subject", "") == replaced(header, "subject: two\n", ""));
  CHECK(changed(Kind::ChangeHeader, 3, "Subject", "") == header);
}

TEST_CASE("a milter's value can neither begin another field nor end the header") {
  CHECK(changed(Kind::AddHeader, 0, "X-New", "1\nTo: x\n\n\r\nbody") ==
        header + "X-New: 1\n\tTo: x\n\tbody\n");
  CHECK(changed(Kind::AddHeader, 0, "X-New", "1\r\n\t2\r3") == header + "X-New: 1\n\t23\n");
}

TEST_CASE("what milters are told of MAIL and RCPT is the address and its parameters") {
  auto address = MailAddress::parse("a@b.example");
  REQUIRE(address);
  using Words = std::vector<std::string>;
  CHECK(milter_words(*address, "FROM:<a@b.example> SIZE=1 BODY=8BITMIME") ==
        Words{"<a@b.example>", "SIZE=1", "BODY=8BITMIME"});
  CHECK(milter_words(*address, "TO:a@b.example NOTIFY=NEVER") ==
        Words{"<a@b.example>", "NOTIFY=NEVER"});
}

TEST_CASE("an address of a milter may be in brackets, and must be one") {
  auto in = parse_milter_recipient("<a@b.example>", "NOTIFY=NEVER");
  REQUIRE(in);
  CHECK(in->recipient.text() == "a@b.example");
  CHECK(in->notify.never);
  CHECK(parse_milter_sender("", ""));
  CHECK(parse_milter_sender("<\xc3\xbc@b.example>", ""));
  CHECK_FALSE(parse_milter_recipient("a b", ""));
  CHECK_FALSE(parse_milter_recipient("a@b.example> <c@d.example", ""));
  CHECK_FALSE(parse_milter_recipient("a@b.example", "FOO=1"));
}
