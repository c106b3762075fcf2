// A router with tables and accounts of its own; for unit tests.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "common/config/testing.h"
#include "smtpd/routing/router.h"

namespace pennypost::smtp {

/// ann and bob are users of final domains.
class TableAccounts final : public AccountFinder {
 public:
  Result<std::optional<AccountRef>> by_address(std::string_view local,
                                               std::string_view) const override {
    if (local == "root") return Error(450, "4.2.1", "root may have no mail here; use an alias");
    if (local == "unclear") return Error::temporary("4.3.0", "passwd can't tell");
    return by_name(local.substr(0, local.find('+')));
  }
  /// alice is an own user in own.example.
  Result<std::optional<AccountRef>> own_by_address(std::string_view local,
                                                   std::string_view domain) const override {
    std::optional<AccountRef> none;
    if (local == "unclear") return Error::temporary("4.3.0", "the users map can't tell");
    if (domain != "own.example" || local.substr(0, local.find('+')) != "alice") return none;
    AccountRef account;
    account.name = "alice@own.example";
    return std::optional(account);
  }
  Result<std::optional<AccountRef>> by_name(std::string_view name) const override {
    std::optional<AccountRef> none;
    if (name != "ann" && name != "bob") return none;
    AccountRef account;
    account.name = name;
    account.is_system = is_system;
    account.uid = name == "ann" ? uid_of_ann : 1001;
    return std::optional(account);
  }
  bool is_system = true;
  std::uint32_t uid_of_ann = 1000;
};

/// example.org is final, partner.example relayed, hosted.example has virtual aliases.
struct RouterFixture {
  explicit RouterFixture(std::vector<std::string> settings = {}) {
    std::vector<std::string> all{
        "mydestination=example.org, localhost",
        "myorigin=example.org",
        "recipient_delimiter=+",
        "relay_domains=partner.example",
        "domains_map=",
        "virtual_alias_domains=hosted.example",
        "virtual_alias_maps=inline:{{info@hosted.example=ann@example.org},"
        "{@hosted.example=bob@example.org, carol@else.example},{sales@else.example=ann},"
        "{self@else.example=self@else.example}}",
        "alias_maps=inline:{{staff=ann, bob@example.org, eve@else.example},{list=ann},"
        "{owner-list=ann},{program=|/bin/cat -n},{file=/var/log/x},{loop=loop},{nobody=},"
        "{both=\\ann, both},{included=:include:/lists/a},{broken=\"ann}}"};
    all.insert(all.end(), settings.begin(), settings.end());
    Router::Host host;
    host.own_addresses = {*IpAddress::parse("192.0.2.7")};
    host.file_owner = [this](const std::string&) { return owner; };
    host.read_list = [this](const std::string& path) -> Result<ListFile> {
      auto found = files.find(path);
      if (found == files.end()) return Error::temporary("no such file");
      return found->second;
    };
    host.user_name = [](std::uint32_t uid) {
      return uid == 1000 ? std::optional<std::string>("ann") : std::nullopt;
    };
    auto opened = Router::open(config_for_test(all), accounts, std::move(host));
    if (!opened) FAIL(opened.error().text());
    router.emplace(std::move(*opened));
  }

  /// `-> a, b`, `local NAME`, `smtp HOP`, `5.1.1 text`, `later text`.
  std::string resolve(std::string address, bool is_self = false,
                      std::string sender = "s@x.example") {
    Recipient recipient;
    recipient.address = std::move(address);
    recipient.is_self = is_self;
    auto resolution = router->resolve(recipient, sender);
    if (!resolution) return "later " + resolution.error().text_with_status();
    return text_of(*resolution, recipient.address);
  }

  /// The same for RCPT; the code of an Error.
  std::string destination(const char* address) {
    auto resolution = router->destination(*MailAddress::parse(address));
    return resolution ? text_of(*resolution, address) : std::to_string(resolution.error().code());
  }

  static std::string text_of(const Resolution& resolution, const std::string& address) {
    if (resolution.is_expansion) {
      std::string text = "->";
      for (const auto& child : resolution.children) {
        text += " " + std::string(child.kind == RecipientKind::Command ? "|" : "") + child.address;
        if (child.kind == RecipientKind::Include) text += " read by " + child.run_as;
        if (child.is_self) text += "!";
        if (child.is_virtual_self) text += "=";
        if (!child.via.empty()) CHECK(child.via == address);
        if (child.has_own_sender) text += "(" + child.sender + ")";
      }
      return text;
    }
    const auto& route = resolution.route;
    if (route.transport == Transport::Local) return "local " + route.account.name;
    if (route.transport == Transport::Smtp) return "smtp " + route.next_hop;
    if (route.transport == Transport::Lmtp) return "lmtp " + route.next_hop;
    if (route.transport == Transport::File) return "file " + route.next_hop;
    if (route.transport == Transport::Discard) return "discard " + route.next_hop;
    if (route.transport == Transport::Program) return route.name + " " + route.next_hop;
    return route.status + " " + route.next_hop;
  }

  void write(const std::string& path, const std::string& text, std::uint32_t uid = 0,
             bool is_public = true) {
    files[path] = ListFile{text, uid, is_public};
  }

  std::map<std::string, ListFile> files;
  std::uint32_t owner = 0;  // of every file
  std::shared_ptr<TableAccounts> accounts = std::make_shared<TableAccounts>();
  std::optional<Router> router;
};

/// An address and what RouterFixture::resolve() makes of it.
struct ResolvedTo {
  const char* address;
  const char* outcome;
};
inline void check(RouterFixture& fixture, std::initializer_list<ResolvedTo> cases) {
  for (const auto& row : cases) {
    CAPTURE(row.address);
    CHECK(fixture.resolve(row.address) == row.outcome);
  }
}

}  // namespace pennypost::smtp
