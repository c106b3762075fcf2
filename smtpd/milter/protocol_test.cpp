#include "smtpd/milter/protocol.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

using Kind = MilterReply::Kind;
using namespace std::string_literals;

std::string told(std::string_view packet) {
  auto reply = parse_milter_reply(packet);
  return reply ? "" : reply.error().text();
}

}  // namespace

TEST_CASE("each answer of a milter is parsed into its parts") {
  struct Row {
    std::string packet;
    Kind kind;
    std::uint32_t index;
    std::string name;
    std::string value;
  };
  for (const Row& row : {Row{"c", Kind::Continue, 0, "", ""},
                         Row{"a", Kind::Accept, 0, "", ""},
                         Row{"d", Kind::Discard, 0, "", ""},
                         Row{"r", Kind::Reject, 0, "", ""},
                         Row{"t", Kind::TemporaryFailure, 0, "", ""},
                         Row{"4", Kind::Shutdown, 0, "", ""},
                         Row{"s", Kind::Skip, 0, "", ""},
                         Row{"p", Kind::Progress, 0, "", ""},
                         Row{"+<a@b.example>\0"s, Kind::AddRecipient, 0, "<a@b.example>", ""},
                         Row{"2<a@b.example>\0NOTIFY=NEVER\0"s, Kind::AddRecipient, 0,
                             "<a@b.example>", "NOTIFY=NEVER"},
                         Row{"2<a@b.example>\0"s, Kind::AddRecipient, 0, "<a@b.example>", ""},
                         Row{"-<a@b.example>\0"s, Kind::DeleteRecipient, 0, "<a@b.example>", ""},
                         Row{"e<>\0"s, Kind::ChangeSender, 0, "<>", ""},
                         Row{"b\0any\r\n"s, Kind::ReplaceBody, 0, "", "\0any\r\n"s},
                         Row{"b", Kind::ReplaceBody, 0, "", ""},
                         Row{"hX-A\0one\n two\0"s, Kind::AddHeader, 0, "X-A", "one\n two"},
                         Row{"i\0\0\1\2X-A\0\0"s, Kind::InsertHeader, 258, "X-A", ""},
                         Row{"m\0\0\0\1Subject\0new\0"s, Kind::ChangeHeader, 1, "Subject", "new"},
                         Row{"qvirus\0"s, Kind::Quarantine, 0, "", "virus"},
                         Row{"y550-5.7.1 one\r\n550 5.7.1 two\0"s, Kind::ReplyCode, 0, "",
                             "550-5.7.1 one\r\n550 5.7.1 two"}}) {
    CAPTURE(row.packet);
    auto reply = parse_milter_reply(row.packet);
    REQUIRE(reply);
    CHECK(reply->kind == row.kind);
    CHECK(reply->index == row.index);
    CHECK(reply->name == row.name);
    CHECK(reply->value == row.value);
  }
}

TEST_CASE("an answer that is unknown, too short or too long is an error that names it") {
  CHECK(told("f") == "an unknown answer \"f\"");
  CHECK(told("\1") == "an unknown answer \"?\"");
  CHECK(told("cx") == "malformed data after SMFIR_CONTINUE");
  CHECK(told("+a@b") == "malformed data after SMFIR_ADDRCPT");
  CHECK(told("+a\0b"s) == "malformed data after SMFIR_ADDRCPT");
  CHECK(told("hX-A\0one"s) == "malformed data after SMFIR_ADDHEADER");
  CHECK(told("h\0one\0"s) == "a header without a name");
  CHECK(told("m\0\0X-A"s) == "malformed data after SMFIR_CHGHEADER");
  for (const char* reply : {"250 2.0.0 ok", "55", "550-5.7.1 only", "550 one\r\n550 two",
                            "550-5.7.1 one\r\n451 two", "abc"}) {
    CAPTURE(reply);
    CHECK(told("y" + std::string(reply) + '\0').starts_with("a malformed reply: "));
  }
}

TEST_CASE("a packet is neither empty nor larger than its limit, and its size comes first") {
  CHECK(milter_packet(MilterEvent::Helo, "x\0"s) == "\0\0\0\3Hx\0"s);
  auto part = milter_packet_size("\0\0\0"s);
  REQUIRE(part);
  CHECK_FALSE(*part);
  auto whole = milter_packet_size("\0\0\1\0Hx"s);
  REQUIRE(whole);
  CHECK(**whole == 256);
  CHECK_FALSE(milter_packet_size("\0\0\0\0"s));
  CHECK_FALSE(milter_packet_size("\0\x10\0\1"s));
  CHECK_FALSE(milter_packet_size("\xff\xff\xff\xff"s));
}

TEST_CASE("a milter's part of the negotiation may choose macros") {
  auto offer = parse_milter_offer(milter_offer_data(6, 0x1ff, 0x80) + "\0\0\0\2i {auth_type}\0"s);
  REQUIRE(offer);
  CHECK(offer->version == 6);
  CHECK(offer->actions == milter_actions::all);
  CHECK(offer->events == milter_events::mute_header);
  REQUIRE(offer->macros.size() == 1);
  CHECK(offer->macros[0] == std::pair<std::uint32_t, std::string>(2, "i {auth_type}"));
  CHECK_FALSE(parse_milter_offer("\0\0\0\6\0\0\0\0"s));
  CHECK_FALSE(parse_milter_offer(milter_offer_data(6, 0, 0) + "\0\0\0\2i"s));
}

TEST_CASE("an older version of the protocol lacks the events that came later") {
  CHECK(milter_events::of_version(2) == 0x7f);
  CHECK(milter_events::of_version(3) == 0x17f);
  CHECK(milter_events::of_version(4) == 0x37f);
  CHECK(milter_events::of_version(6) == 0x1fffff);
}
