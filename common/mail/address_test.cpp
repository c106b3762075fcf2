#include "common/mail/address.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost;

namespace {

MailAddress address(std::string_view text) {
  auto parsed = MailAddress::parse_path(text, Utf8::Allowed);
  REQUIRE_MESSAGE(parsed, std::string(text));
  return *std::move(parsed);
}

}  // namespace

TEST_CASE("a path is printed as its address, quoted only where that is needed") {
  struct Row {
    const char* path;
    const char* local;
    const char* text;
  };
  const Row rows[] = {
      {"<ann@example.net>", "ann", "ann@example.net"},
      {"<Ann@Example.NET>", "Ann", "Ann@Example.NET"},
      {"ann@example.net", "ann", "ann@example.net"},
      {"<ann@example.net.>", "ann", "ann@example.net"},
      {"<\"ann\"@example.net>", "ann", "ann@example.net"},
      {"<\"ann smith\"@example.net>", "ann smith", "\"ann smith\"@example.net"},
      {"<\"a\\\"b\\\\\"@example.net>", "a\"b\\", "\"a\\\"b\\\\\"@example.net"},
      {"<\"a@b\"@example.net>", "a@b", "\"a@b\"@example.net"},
      {"<a..b@example.net>", "a..b", "\"a..b\"@example.net"},
      {"<@a.example,@b.example:user@c.example>", "user", "user@c.example"},
      {"<@[IPv6:::1]:user@c.example>", "user", "user@c.example"},
      {"<user@[192.0.2.1]>", "user", "user@[192.0.2.1]"},
      {"<user@[IPv6:2001:db8::1]>", "user", "user@[IPv6:2001:db8::1]"},
      {"<Postmaster>", "Postmaster", "Postmaster"},
      {"<user%dest@example.net>", "user%dest", "user%dest@example.net"},
      {"<my_host@my_host.example>", "my_host", "my_host@my_host.example"},
      {"<J\xc3\xb6rg@b\xc3\xbc"
       "cher.example>",
       "J\xc3\xb6rg",
       "J\xc3\xb6rg@b\xc3\xbc"
       "cher.example"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.path);
    auto parsed = address(row.path);
    CHECK(parsed.local() == row.local);
    CHECK(parsed.text() == row.text);
    CHECK(address(parsed.path()) == parsed);
  }
}

TEST_CASE("what is no path is refused with 501 5.1.3") {
  for (const char* path : {"",
                           "<",
                           ">",
                           "<ann@example.net",
                           "ann@example.net>",
                           "<@example.net>",
                           "<ann@>",
                           "<ann@.net>",
                           "<ann@example..net>",
                           "<user@dest@local>",
                           "<ann smith@example.net>",
                           "<\"ann@example.net>",
                           "<\"ann\\\"@example.net>",
                           "<\"ann\"smith@example.net>",
                           "<ann@exa mple.net>",
                           "<ann@-example.net>",
                           "<ann@example-.net>",
                           "<ann@192.0.2.1>",
                           "<ann@[192.0.2]>",
                           "<ann@[192.0.2.1>",
                           "<ann@[IPv6:2001:db8:::1]>",
                           "<ann@[2001:db8::1]>",
                           "<a\x01@b>",
                           "<@a.example:>",
                           "<@a.example,b.example:u@c>",
                           "<@a.example,@b.example>",
                           "<a\xff@b.example>",
                           "<\"\"@example.net>",
                           "<<a@b.example>>",
                           "<a@b.example>x"}) {
    CAPTURE(path);
    auto parsed = MailAddress::parse_path(path, Utf8::Allowed);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == 501);
    CHECK(parsed.error().status() == EnhancedStatus("5.1.3"));
  }
}

TEST_CASE("a NUL ends nothing, and is refused") {
  using namespace std::string_view_literals;
  for (auto path : {"<a@[192.0.2.1\0x]>"sv, "<a@b.example\0>"sv, "<a\0@b.example>"sv,
                    "<a@b\xc3\xbc.example\0x>"sv}) {
    CHECK_FALSE(MailAddress::parse_path(path, Utf8::Allowed));
  }
}

TEST_CASE("the null reverse-path is an address without parts") {
  auto null = address("<>");
  CHECK(null.is_null());
  CHECK(null.path() == "<>");
  CHECK(null == MailAddress());
  CHECK_FALSE(MailAddress::parse(""));
}

TEST_CASE("parts over their limit are refused, those at it are taken") {
  auto domain_of = [](std::size_t bytes) {
    std::string name;
    while (name.size() + 62 < bytes) name += std::string(60, 'a') + ".";
    return name + std::string(bytes - name.size(), 'b');
  };
  CHECK(MailAddress::parse(std::string(local_part_bytes_max, 'a') + "@b.example"));
  CHECK_FALSE(MailAddress::parse(std::string(local_part_bytes_max + 1, 'a') + "@b.example"));
  CHECK(Domain::parse(domain_of(domain_bytes_max)));
  CHECK_FALSE(Domain::parse(domain_of(domain_bytes_max + 1)));
  CHECK_FALSE(Domain::parse(std::string(domain_label_bytes_max + 1, 'a') + ".example"));
}

TEST_CASE("UTF-8 is refused unless it is allowed") {
  CHECK_FALSE(MailAddress::parse("j\xc3\xb6rg@example.net"));
  CHECK_FALSE(
      MailAddress::parse("ann@b\xc3\xbc"
                         "cher.example"));
  CHECK(address("j\xc3\xb6rg@example.net").needs_smtputf8());
  CHECK_FALSE(address("ann@b\xc3\xbc"
                      "cher.example")
                  .needs_smtputf8());
}

TEST_CASE("a domain compares without case, and in A-labels and U-labels alike") {
  auto u_label = *Domain::parse(
      "B\xc3\xbc"
      "cher.Example",
      Utf8::Allowed);
  auto a_label = *Domain::parse("XN--BCHER-KVA.example");
  CHECK(u_label == a_label);
  CHECK(u_label.key() == "xn--bcher-kva.example");
  CHECK(a_label.unicode() ==
        "b\xc3\xbc"
        "cher.example");
  CHECK(address("ann@b\xc3\xbc"
                "cher.example")
            .with_ascii_domain()
            .text() == "ann@xn--bcher-kva.example");
  CHECK(*Domain::parse("Example.NET") == *Domain::parse("example.net."));
}

TEST_CASE("all spellings of a literal have one key, an IPv4-mapped one is IPv4") {
  CHECK(Domain::parse("[ipv6:2001:DB8:0::1]")->key() == "[IPv6:2001:db8::1]");
  CHECK(Domain::parse("[IPv6:::ffff:192.0.2.1]")->key() == "[192.0.2.1]");
  CHECK(Domain::parse("[IPv6:::1]")->literal_address() == "::1");
  CHECK(Domain::parse("[192.0.2.1]")->literal_address() == "192.0.2.1");
  CHECK_FALSE(Domain::parse("example.net")->literal_address().has_value());
}

TEST_CASE("a key folds the domain, a folded key the local part too") {
  CHECK(address("Ann@Example.NET").key() == "Ann@example.net");
  CHECK(address("\"Ann\"@Example.NET") == address("Ann@example.net"));
  CHECK_FALSE(address("ann@example.net") == address("Ann@example.net"));
  CHECK(address("Ann@Example.NET").folded_key() == "ann@example.net");
  CHECK(address("J\xc3\x96RG@example.net").folded_key() == "j\xc3\xb6rg@example.net");
  CHECK(address("Jo\xcc\x88RG@example.net").folded_key() == "j\xc3\xb6rg@example.net");
}

TEST_CASE("a destination hidden in a local part is found") {
  struct Row {
    const char* path;
    HiddenRoute::Kind kind;
    const char* user;
    const char* destination;
  };
  const Row rows[] = {
      {"<user%dest@local.example>", HiddenRoute::Kind::Percent, "user", "dest"},
      {"<u%a%b@local.example>", HiddenRoute::Kind::Percent, "u%a", "b"},
      {"<dest!user@local.example>", HiddenRoute::Kind::Bang, "user", "dest"},
      {"<\"user@dest\"@local.example>", HiddenRoute::Kind::At, "user", "dest"},
      {"<\"user%x@dest\"@[192.0.2.1]>", HiddenRoute::Kind::At, "user%x", "dest"},
      {"<user%dest>", HiddenRoute::Kind::Percent, "user", "dest"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.path);
    auto route = address(row.path).hidden_route();
    REQUIRE(route.has_value());
    CHECK(route->kind == row.kind);
    CHECK(route->user == row.user);
    CHECK(route->destination == row.destination);
  }
  CHECK_FALSE(address("<ann@example.net>").hidden_route().has_value());
}

TEST_CASE("a sub-address is split at the first delimiter, but not where that would hurt") {
  struct Row {
    const char* local;
    const char* delimiters;
    const char* user;
    const char* detail;
  };
  const Row rows[] = {
      {"ann+lists", "+", "ann", "lists"},
      {"ann+a+b", "+", "ann", "a+b"},
      {"ann-x+y", "+-", "ann", "x+y"},
      {"ann+", "+", "ann", ""},
      {"+ann", "+", "+ann", nullptr},
      {"ann", "+", "ann", nullptr},
      {"ann+x", "", "ann+x", nullptr},
      {"owner-list", "-", "owner-list", nullptr},
      {"list-request", "-", "list-request", nullptr},
      {"owner-list+x", "+", "owner-list", "x"},
      {"MAILER-DAEMON", "-", "MAILER-DAEMON", nullptr},
  };
  for (const auto& row : rows) {
    CAPTURE(row.local);
    auto split = split_sub_address(row.local, row.delimiters);
    CHECK(split.user == row.user);
    CHECK(split.detail == (row.detail ? std::optional<std::string>(row.detail) : std::nullopt));
  }
}
