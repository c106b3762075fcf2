// Sendmail's lists of names, mailertable, domaintable, genericstable and aliases.
//
// SEE ALSO   sendmail_virtusers.cpp (virtusertable)
#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "smtpd/migration/sendmail.h"
#include "smtpd/routing/next_hop.h"
#include "store/maps/source.h"

namespace pennypost::smtp {
namespace {

using Class = SendmailSite::Class;
using Kind = MigratedTable::Kind;

constexpr std::array smtp_mailers{std::string_view("dsmtp"), std::string_view("esmtp"),
                                  std::string_view("smtp"), std::string_view("smtp8")};

class Tables {
 public:
  explicit Tables(const SendmailSite& site) : site_(site), made_(site.migration()) {}

  Result<void> run() {
    TRY(auto mailers, site_.table("mailertable", "mailertable"));
    for (const auto& entry : mailers.entries) mailer(mailers.file, entry);
    TRY(auto domains, site_.table("domaintable", "domaintable"));
    for (const auto& entry : domains.entries) domain(domains.file, entry);
    TRY(auto generics, site_.table("genericstable", "genericstable"));
    for (const auto& entry : generics.entries) generic(generics.file, entry);
    TRY_DO(aliases());
    TRY(auto trusted, site_.file("trusted-users"));
    if (trusted && !sendmail_names(*trusted).empty()) {
      made_.lacks({"trusted-users", 0}, "",
                  "every user of this host may choose the sender of a message");
    }
    return {};
  }

 private:
  void lacks(const std::string& file, const SendmailEntry& entry, std::string reason) {
    made_.lacks({file, entry.line}, entry.key + " " + entry.value, std::move(reason));
  }

  void mailer(const std::string& file, const SendmailEntry& entry) {
    auto key = entry.key == "." ? "*" : domain_as_written(entry.key);
    auto colon = entry.value.find(':');
    auto mailer = lower(std::string_view(entry.value).substr(0, colon));
    auto host = colon == entry.value.npos ? "" : std::string(trim(entry.value.substr(colon + 1)));
    if (site_.holds(Class::Local, key)) {
      return lacks(file, entry,
                   "the domain is one of this host's, for which Sendmail does not look "
                   "here");
    }
    if (colon == entry.value.npos) return lacks(file, entry, "the value is not mailer:host");
    if (mailer == "error") {
      made_.entry("transport", key, parse_sendmail_error(host).for_transport());
      return;
    }
    if (host.find('%') != host.npos) {
      return lacks(file, entry,
                   "a part of the domain can't be put into the host; name each domain");
    }
    if (mailer == "local") return local(file, entry, key, host);
    if (mailer == "discard") {
      made_.entry("transport", key, "discard:");
      return;
    }
    bool is_smtp =
        mailer == "relay" || std::ranges::find(smtp_mailers, mailer) != smtp_mailers.end();
    if (!is_smtp) return lacks(file, entry, "there is no mailer " + printable(mailer, 40));
    if (host.ends_with('.')) host.pop_back();
    auto hop = NextHop::parse(host);
    if (!hop) return lacks(file, entry, hop.error().text());
    made_.entry("transport", key, (mailer == "relay" ? "relay:" : "smtp:") + host);
  }

  void local(const std::string& file, const SendmailEntry& entry, const std::string& key,
             const std::string& user) {
    if (!looks_like_domain(key)) {
      return lacks(file, entry, "only a whole domain can be this host's; name each domain");
    }
    if (user.empty()) {
      made_.entry("local-host-names", key, "", Kind::Names);
      return;
    }
    made_.entry("virtual", "@" + key, user);
    made_.entry("virtual-domains", key, "", Kind::Names);
  }

  /// The old domain must be one that mail is taken for, as the new one is.
  void domain(const std::string& file, const SendmailEntry& entry) {
    auto from = domain_as_written(entry.key);
    auto to = domain_as_written(entry.value);
    if (!looks_like_domain(from) || !looks_like_domain(to)) {
      return lacks(file, entry, "expected two domains");
    }
    made_.entry("canonical", "@" + from, "@" + to);
    if (site_.holds(Class::Local, to)) made_.entry("local-host-names", from, "", Kind::Names);
    if (site_.holds(Class::Relay, to)) made_.entry("relay_domains", from, "OK");
  }

  void generic(const std::string& file, const SendmailEntry& entry) {
    auto at = entry.key.find('@');
    if (entry.key.find('*') != entry.key.npos) {
      return lacks(file, entry, "write a pcre: table for addresses with +detail");
    }
    if (at == 0) {
      auto value = entry.value.starts_with("%1@") ? entry.value.substr(2) : entry.value;
      if (value.find('%') != value.npos) {
        return lacks(file, entry, "write a pcre: table to put a part of the address into another");
      }
      made_.entry("generic", entry.key, value);
      return;
    }
    if (entry.value.find('%') != entry.value.npos) {
      return lacks(file, entry, "write a pcre: table to put a part of the address into another");
    }
    if (at != entry.key.npos) {
      auto domain = std::string_view(entry.key).substr(at + 1);
      if (!site_.holds(Class::Generic, domain) && !site_.holds(Class::Local, domain)) {
        lacks(file, entry,
              "GENERICS_DOMAIN does not name the domain, so that Sendmail does not look "
              "here; it is written all the same");
      }
      made_.entry("generic", entry.key, entry.value);
      return;
    }
    made_.entry("generic", entry.key, entry.value);
    for (const auto& domain : site_.names(Class::Generic)) {
      made_.entry("generic", entry.key + "@" + domain.name, entry.value);
    }
  }

  Result<void> aliases() {
    auto file = file_in_directory(site_.defined("ALIAS_FILE"));
    if (file.empty() || !site_.has_mc()) file = "aliases";
    TRY(auto text, site_.file(file));
    if (!text) return {};
    auto& made = made_.table("aliases", Kind::Aliases);
    store::LogicalLines lines(*text);
    while (auto line = lines.next()) {
      auto entry = store::parse_source_line(*line, store::SourceSyntax::Aliases);
      if (entry) {
        made.text += text->substr(line->begin, line->end - line->begin);
        if (!made.text.ends_with('\n')) made.text += '\n';
      } else {
        made_.lacks({file, line->number}, line->text, entry.error().text());
      }
    }
    return {};
  }

  const SendmailSite& site_;
  Migration& made_;
};

}  // namespace

Result<void> read_sendmail_names(const SendmailSite& site) {
  Migration& made = site.migration();
  for (const auto& [name, place] : site.names(Class::Local)) {
    if (looks_like_domain(name)) {
      made.entry("local-host-names", name, "", Kind::Names);
    } else if (!name.starts_with('[')) {
      made.lacks(place, name, "this is no domain");
    }
  }
  for (const auto& [name, place] : site.names(Class::Relay)) {
    if (auto network = network_of(name); network && is_written_as_network(name)) {
      made.entry("access_client", *network, "RELAY");
    } else if (looks_like_domain(name)) {
      made.entry("relay_domains", name, "OK");
      made.entry("access_client", name, "RELAY");
    } else {
      made.lacks(place, name, "this is no domain, no address and no network");
    }
  }
  for (const auto& [name, place] : site.names(Class::Virtual)) {
    if (looks_like_domain(name)) {
      made.entry("virtual-domains", name, "", Kind::Names);
    } else {
      made.lacks(place, name, "this is no domain");
    }
  }
  return {};
}

Result<void> read_sendmail_tables(const SendmailSite& site) { return Tables(site).run(); }

}  // namespace pennypost::smtp
