// Sendmail's masquerading and genericstable as sender_canonical_maps: both are about senders in
// headers, with masquerade_envelope also in the envelope, with allmasquerade also about recipients
// in headers.
#include <algorithm>

#include "common/base/text.h"
#include "smtpd/migration/sendmail_parts.h"

namespace pennypost::smtp {
namespace {

using Class = SendmailSite::Class;
using Kind = MigratedTable::Kind;

std::string escaped_domain(std::string_view domain) {
  std::string pattern;
  for (char c : domain) pattern += c == '.' ? std::string("\\.") : std::string(1, c);
  return pattern;
}

class Masquerade {
 public:
  Masquerade(const SendmailSite& site, std::string name)
      : site_(site), made_(site.migration()), name_(std::move(name)) {}

  /// The tables, in their order.
  std::string tables() {
    bool is_entire = site_.has("masquerade_entire_domain");
    if (is_entire) add_entire_domains();
    add_hosts();
    std::string list;
    auto append = [&](const std::string& table) { list += (list.empty() ? "" : ", ") + table; };
    if (made_.has_table("masquerade_domains")) append(made_.reference("masquerade_domains"));
    if (made_.has_table("masquerade")) append(made_.reference("masquerade"));
    if (!site_.has("limited_masquerade")) append(own_name());
    return list;
  }

 private:
  /// `inline:` since the host's name may not be known here.
  std::string own_name() const {
    std::string entries;
    for (const auto& user : site_.names(Class::Exposed)) {
      entries += user.name + "@$myhostname=" + user.name + "@$myhostname, ";
    }
    return "inline:{" + entries + "@$myhostname=@" + name_ + "}";
  }

  void add_hosts() {
    for (const auto& exception : site_.names(Class::NotMasqueraded)) {
      made_.entry("masquerade", "@" + exception.name, "@" + exception.name);
    }
    auto add = [&](const SiteName& host) {
      if (host.name == name_ || !looks_like_domain(host.name)) return;
      for (const auto& user : site_.names(Class::Exposed)) {
        auto address = user.name + "@" + host.name;
        made_.entry("masquerade", address, address);
      }
      made_.entry("masquerade", "@" + host.name, "@" + name_);
    };
    std::ranges::for_each(site_.names(Class::Masqueraded), add);
    if (!site_.has("limited_masquerade")) std::ranges::for_each(site_.names(Class::Local), add);
  }

  void add_entire_domains() {
    auto pattern = [&](const std::string& key, const std::string& value) {
      made_.entry("masquerade_domains", key, value, Kind::Patterns);
    };
    for (const auto& exception : site_.names(Class::NotMasqueraded)) {
      auto domain = escaped_domain(exception.name);
      pattern("/^(.*)@((.*\\.)?" + domain + ")$/", "$1@$2");
    }
    for (const auto& domain : site_.names(Class::Masqueraded)) {
      if (!looks_like_domain(domain.name)) continue;
      auto below = "@(.*\\." + escaped_domain(domain.name) + ")$/";
      for (const auto& user : site_.names(Class::Exposed)) {
        pattern("/^(" + escaped_domain(user.name) + ")" + below, "$1@$2");
      }
      pattern("/^(.*)" + below, "$1@" + name_);
    }
  }

  const SendmailSite& site_;
  Migration& made_;
  std::string name_;
};

}  // namespace

void read_sendmail_masquerade(const SendmailSite& site) {
  Migration& made = site.migration();
  auto found =
      std::ranges::find_if(site.calls().rbegin(), site.calls().rend(),
                           [](const McCall& call) { return call.name == "MASQUERADE_AS"; });
  std::string name = found == site.calls().rend() ? "" : domain_as_written(found->argument(0));
  std::string tables;
  if (made.has_table("generic")) tables = made.reference("generic");
  bool is_domain = looks_like_domain(name);
  if (is_domain && site.has("nullclient")) {
    made.set("myorigin", name, site.at(*found));
  } else if (is_domain) {
    tables += (tables.empty() ? "" : ", ") + Masquerade(site, name).tables();
  } else if (!name.empty()) {
    made.lacks(site.at(*found), found->text, "this is no domain");
  }
  if (tables.empty()) return;
  made.set("sender_canonical_maps", tables);
  made.set("sender_canonical_classes",
           site.has("masquerade_envelope") ? "header_sender, envelope_sender" : "header_sender");
  if (!site.has("allmasquerade")) return;
  made.set("recipient_canonical_maps", tables);
  made.set("recipient_canonical_classes", "header_recipient");
}

}  // namespace pennypost::smtp
