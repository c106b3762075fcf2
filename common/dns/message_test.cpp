#include "common/dns/message.h"

#include <doctest/doctest.h>

using namespace pennypost;

namespace {

std::string u16(int value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}
std::string name(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto dot = text.find('.');
    auto label = text.substr(0, dot);
    out += static_cast<char>(label.size());
    out += label;
    text = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  }
  return out + '\0';
}
std::string record(const std::string& owner, int type, int ttl, const std::string& data) {
  return owner + u16(type) + u16(1) + u16(0) + u16(ttl) + u16(static_cast<int>(data.size())) + data;
}
struct Sections {
  int flags = 0x8180;
  std::vector<std::string> answers;
  std::vector<std::string> authority;
};
std::string message(std::string_view asked, DnsType type, const Sections& sections) {
  std::string out = u16(7) + u16(sections.flags) + u16(1) +
                    u16(static_cast<int>(sections.answers.size())) +
                    u16(static_cast<int>(sections.authority.size())) + u16(0) + name(asked) +
                    u16(static_cast<int>(type)) + u16(1);
  for (const auto& bytes : sections.answers) out += bytes;
  for (const auto& bytes : sections.authority) out += bytes;
  return out;
}
const std::string to_question{"\xc0\x0c", 2};

}  // namespace

TEST_CASE("a query asks for the AD bit and offers EDNS") {
  auto query = dns_query(0x1234, "Example.org.", DnsType::Mx);
  REQUIRE(query);
  CHECK(query->substr(0, 4) == std::string("\x12\x34\x01\x20", 4));
  CHECK(query->substr(12, 13) == name("Example.org"));
  CHECK(query->size() == 12 + 13 + 4 + 11);
  CHECK_FALSE(dns_query(1, "", DnsType::A));
  CHECK_FALSE(dns_query(1, "a..b", DnsType::A));
  CHECK_FALSE(dns_query(1, std::string(64, 'a') + ".org", DnsType::A));
}

TEST_CASE("the root can be asked about, and its answer tells whether it was validated") {
  auto query = dns_query(1, ".", DnsType::Soa);
  REQUIRE(query);
  CHECK(query->substr(12, 5) == std::string("\0\0\6\0\1", 5));
  for (bool is_validated : {true, false}) {
    Sections sections;
    sections.flags = is_validated ? 0x81a0 : 0x8180;
    sections.answers = {record(std::string(1, '\0'), 6, 60, std::string(22, '\0'))};
    auto reply = parse_dns_reply(message("", DnsType::Soa, sections), ".", DnsType::Soa);
    REQUIRE(reply);
    CHECK(reply->is_authentic == is_validated);
    CHECK(reply->status != DnsStatus::TryLater);
  }
}

TEST_CASE("MX records come out of compressed names, with the least TTL and the AD bit") {
  Sections sections;
  sections.flags = 0x81a0;
  sections.answers = {record(to_question, 15, 300, u16(20) + "\2mx" + to_question),
                      record(to_question, 15, 60, u16(10) + name("Other.example.NET"))};
  auto reply =
      parse_dns_reply(message("example.org", DnsType::Mx, sections), "EXAMPLE.org.", DnsType::Mx);
  REQUIRE(reply);
  CHECK(reply->status == DnsStatus::Found);
  CHECK(reply->is_authentic);
  CHECK(reply->ttl_seconds == 60);
  REQUIRE(reply->records.size() == 2);
  CHECK(std::get<MxRecord>(reply->records[0]) == MxRecord{20, "mx.example.org"});
  CHECK(std::get<MxRecord>(reply->records[1]) == MxRecord{10, "other.example.net"});
}

TEST_CASE("a name with octets that no host name has gets its answer, as SPF's macros need") {
  Sections sections;
  sections.answers = {record(to_question, 1, 60, std::string("\x7f\0\0\2", 4))};
  for (std::string_view asked : {"SRS0=a+b.c~d._spf.example.org", "a b.example.org", "*.org"}) {
    CAPTURE(asked);
    auto reply = parse_dns_reply(message(asked, DnsType::A, sections), asked, DnsType::A);
    REQUIRE(reply);
    CHECK(reply->records.size() == 1);
  }
  CHECK(!parse_dns_reply(message("a+b.org", DnsType::A, sections), "a-b.org", DnsType::A));
}

TEST_CASE("the null MX is a record with an empty host") {
  Sections sections;
  sections.answers = {record(to_question, 15, 300, u16(0) + std::string(1, '\0'))};
  auto reply =
      parse_dns_reply(message("example.org", DnsType::Mx, sections), "example.org", DnsType::Mx);
  REQUIRE(reply);
  CHECK(std::get<MxRecord>(reply->records[0]).host.empty());
}

TEST_CASE("a chain of CNAMEs is followed to its records, and a loop of them ends") {
  Sections sections;
  sections.answers = {record(to_question, 5, 100, name("b.example")),
                      record(name("c.example"), 1, 100, std::string("\xc0\0\2\1", 4)),
                      record(name("b.example"), 5, 50, name("c.example"))};
  auto reply = parse_dns_reply(message("a.example", DnsType::A, sections), "a.example", DnsType::A);
  REQUIRE(reply);
  CHECK(std::get<IpAddress>(reply->records.at(0)).text() == "192.0.2.1");
  CHECK(reply->ttl_seconds == 50);
  CHECK(reply->canonical == "c.example");

  sections.answers = {record(to_question, 5, 100, name("b.example")),
                      record(name("b.example"), 5, 50, name("a.example"))};
  reply = parse_dns_reply(message("a.example", DnsType::A, sections), "a.example", DnsType::A);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().is_temporary());
}

TEST_CASE("an answer with a malformed record says nothing, least of all that there is none") {
  struct Case {
    DnsType type;
    std::string data;
  };
  const std::string endless{"\x3fmx", 3};
  const std::string ahead{"\xc0\xff", 2};
  const std::vector<Case> cases{
      {DnsType::Mx, u16(10)},
      {DnsType::Mx, "\0"},
      {DnsType::Mx, u16(10) + endless},
      {DnsType::Mx, u16(10) + ahead},
      {DnsType::Mx, u16(10) + name("mx.example") + "x"},
      {DnsType::A, "\1\2\3"},
      {DnsType::A, std::string(16, '\1')},
      {DnsType::Aaaa, std::string(4, '\1')},
      {DnsType::Aaaa, ""},
      {DnsType::Txt, "\5abc"},
      {DnsType::Ptr, endless},
      {DnsType::Ptr, ""},
      {DnsType::Tlsa, "\3\1"},
  };
  for (const auto& test : cases) {
    CAPTURE(std::string(name_of(test.type)));
    CAPTURE(test.data.size());
    auto malformed = record(to_question, static_cast<int>(test.type), 60, test.data);
    auto alias = record(to_question, 5, 60, endless);
    auto elsewhere = record(name("b.example"), static_cast<int>(test.type), 60, test.data);
    Sections sections;
    sections.answers = {malformed};
    auto reply = parse_dns_reply(message("a.example", test.type, sections), "a.example", test.type);
    REQUIRE_FALSE(reply);
    CHECK(reply.error().is_temporary());
    sections.answers = {alias};
    CHECK_FALSE(parse_dns_reply(message("a.example", test.type, sections), "a.example", test.type));
    // Of another name it is no part of the answer.
    sections.answers = {elsewhere};
    reply = parse_dns_reply(message("a.example", test.type, sections), "a.example", test.type);
    REQUIRE(reply);
    CHECK(reply->status == DnsStatus::NoData);
  }
}

TEST_CASE("a malformed record is not made good by another that is not") {
  Sections sections;
  sections.answers = {record(to_question, 15, 300, u16(20) + name("mx.example")),
                      record(to_question, 15, 300, u16(10) + std::string("\x3fmx", 3))};
  CHECK_FALSE(
      parse_dns_reply(message("a.example", DnsType::Mx, sections), "a.example", DnsType::Mx));
}

TEST_CASE("no such name, no data and a failing server are told apart") {
  std::string soa =
      record(name("example"), 6, 900,
             name("ns.example") + name("root.example") + std::string(16, '\0') + u16(0) + u16(120));
  struct Case {
    int flags;
    DnsStatus status;
    std::uint32_t ttl;
  };
  for (const auto& [flags, status, ttl] :
       {Case{0x8183, DnsStatus::NoSuchName, 120}, Case{0x8180, DnsStatus::NoData, 120},
        Case{0x8182, DnsStatus::TryLater, 0}, Case{0x8185, DnsStatus::TryLater, 0},
        Case{0x8380, DnsStatus::TryLater, 0}}) {
    const int shown = flags;
    CAPTURE(shown);
    Sections sections;
    sections.flags = flags;
    sections.authority = {soa};
    auto reply =
        parse_dns_reply(message("a.example", DnsType::A, sections), "a.example", DnsType::A);
    REQUIRE(reply);
    CHECK(reply->status == status);
    CHECK(reply->ttl_seconds == ttl);
    CHECK_FALSE(reply->reason.empty());
  }
}

TEST_CASE("TXT strings are joined, TLSA is taken apart, odd octets of a name are escaped") {
  Sections sections;
  sections.answers = {record(to_question, 16, 1, "\3v=s\2pf")};
  auto reply = parse_dns_reply(message("x", DnsType::Txt, sections), "x", DnsType::Txt);
  REQUIRE(reply);
  CHECK(std::get<std::string>(reply->records.at(0)) == "v=spf");

  sections.answers = {record(to_question, 52, 1, std::string("\3\1\1", 3) + "hash")};
  reply = parse_dns_reply(message("x", DnsType::Tlsa, sections), "x", DnsType::Tlsa);
  REQUIRE(reply);
  CHECK(std::get<TlsaRecord>(reply->records.at(0)) == TlsaRecord{3, 1, 1, "hash"});

  sections.answers = {record(to_question, 12, 1, std::string("\4a\nb.\0", 6))};
  reply = parse_dns_reply(message("x", DnsType::Ptr, sections), "x", DnsType::Ptr);
  REQUIRE(reply);
  CHECK(std::get<std::string>(reply->records.at(0)) == "a\\010b\\046");
}

TEST_CASE(
    "every shortened answer and every pointer that leads forward is refused, not read beyond") {
  Sections sections;
  sections.answers = {record(to_question, 15, 300, u16(20) + "\2mx" + to_question)};
  std::string whole = message("example.org", DnsType::Mx, sections);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(parse_dns_reply(whole.substr(0, size), "example.org", DnsType::Mx));
  }
  sections.answers = {record("\xc0\x1d", 15, 300, u16(20) + "\2mx" + to_question)};
  CHECK_FALSE(
      parse_dns_reply(message("example.org", DnsType::Mx, sections), "example.org", DnsType::Mx));
  CHECK_FALSE(parse_dns_reply(whole, "example.net", DnsType::Mx));
  CHECK_FALSE(parse_dns_reply(whole, "example.org", DnsType::A));
}

TEST_CASE("a host's name has letters, digits, hyphens and underscores, and is no address") {
  for (std::string_view good :
       {"a", "mx-1.example.org", "_dmarc.example.org", "3com.com", "a.b."}) {
    CAPTURE(good);
    CHECK(is_host_name(good));
  }
  for (std::string_view bad : {"", ".", "192.0.2.1", "a..b", "-a.b", "a-.b", "a b", "a\\010b"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_host_name(bad));
  }
}

TEST_CASE("a chain of CNAMEs and the number of records end at their limits") {
  auto chain = [](int steps) {
    Sections sections;
    for (int i = 0; i < steps; ++i) {
      auto owner = i == 0 ? std::string("a.test") : "n" + std::to_string(i) + ".test";
      sections.answers.push_back(
          record(name(owner), 5, 60, name("n" + std::to_string(i + 1) + ".test")));
    }
    sections.answers.push_back(
        record(name(steps == 0 ? "a.test" : "n" + std::to_string(steps) + ".test"), 1, 60,
               std::string("\xc0\x00\x02\x01", 4)));
    auto reply = parse_dns_reply(message("a.test", DnsType::A, sections), "a.test", DnsType::A);
    return reply && reply->records.size() == 1;
  };
  CHECK(chain(cname_steps_max - 1));
  CHECK_FALSE(chain(cname_steps_max));

  Sections many;
  for (std::size_t i = 0; i < records_max + 20; ++i) {
    many.answers.push_back(record(to_question, 1, 60, std::string("\xc0\x00\x02\x01", 4)));
  }
  auto reply = parse_dns_reply(message("a.test", DnsType::A, many), "a.test", DnsType::A);
  REQUIRE(reply);
  CHECK(reply->records.size() == records_max);
}
