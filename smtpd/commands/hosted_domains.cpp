// `pennypost domain`: adds, removes and lists hosted domains.
//
// SYNOPSIS
//   pennypost domain add [-c DIR] [-o NAME=VALUE]... DOMAIN
//   pennypost domain del [-c DIR] [-o NAME=VALUE]... DOMAIN
//   pennypost domain list [-c DIR] [-o NAME=VALUE]...
//
// DESCRIPTION
//   A hosted domain has own users alone: a system user of this host gets no mail there, and
//   alias_maps do not apply. Its users are added by pennypost user. DOMAIN may be written in
//   Unicode (bücher.example) or with A-labels; list shows both. Daemons notice a change within two
//   seconds. Mail for postmaster in the domain goes to the host's postmaster, unless there is an
//   own user of that name.
//
//   del removes no users and no mail; it says how many users are left.
//
// FILES
//   domains_map: hash:FILE; FILE itself is the source, FILE.rdb what daemons read
#include "smtpd/commands/hosted_domains.h"

#include <algorithm>
#include <ostream>

#include "common/config/config.h"
#include "common/mail/idn.h"
#include "smtpd/commands/usage.h"
#include "smtpd/routing/domains.h"
#include "store/accounts/hosted_domains.h"
#include "store/accounts/own_users.h"

namespace pennypost::smtp {
namespace {

class DomainCommand {
 public:
  DomainCommand(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}

  int run(std::span<const std::string> args) {
    auto done = work(args);
    if (done) return 0;
    err_ << "pennypost domain: fatal: " << done.error().text() << "\n";
    return 1;
  }

 private:
  static Error wrong_call() { return Error::permanent(std::string(usage::domain)); }

  Result<void> work(std::span<const std::string> args) {
    TRY_DO(options(args));
    bool needs_name = verb_ != "list";
    if (verb_.empty() || needs_name == name_.empty()) return wrong_call();
    TRY(config_, Config::load(load_));
    TRY(auto domains, store::HostedDomains::open(*config_));
    if (verb_ == "add") return add(domains);
    if (verb_ == "del") return del(domains);
    if (verb_ == "list") return list(domains);
    return wrong_call();
  }

  Result<void> options(std::span<const std::string> args) {
    for (std::size_t i = 0; i < args.size(); ++i) {
      const std::string& arg = args[i];
      if (arg == "-c" || arg == "-o") {
        if (++i == args.size()) return wrong_call();
        if (arg == "-c") load_.directory = args[i];
        if (arg == "-o") load_.overrides.push_back(args[i]);
      } else if (arg.starts_with('-') || !name_.empty()) {
        return wrong_call();
      } else {
        (verb_.empty() ? verb_ : name_) = arg;
      }
    }
    return {};
  }

  Result<void> add(const store::HostedDomains& domains) {
    TRY(auto key, domains.add(name_));
    out_ << shown(key) << " added; pennypost user add NAME@" << key << " adds its users\n";
    warn_of_other_class(key);
    return {};
  }

  Result<void> del(const store::HostedDomains& domains) {
    TRY(auto key, domains.remove(name_));
    out_ << shown(key) << " removed\n";
    warn_of_users(key);
    return {};
  }

  Result<void> list(const store::HostedDomains& domains) {
    TRY(auto all, domains.list());
    for (const auto& key : all) {
      out_ << key;
      if (auto unicode = other_spelling(key)) out_ << "\t" << *unicode;
      out_ << "\n";
    }
    return {};
  }

  /// The domain with Unicode labels, followed by its A-labels.
  static std::string shown(const std::string& key) {
    auto unicode = other_spelling(key);
    return unicode ? *unicode + " (" + key + ")" : key;
  }

  void warn(const std::string& text) { err_ << "pennypost domain: warning: " << text << "\n"; }

  /// Another setting may decide about the domain's mail.
  void warn_of_other_class(const std::string& key) {
    auto name = Domain::parse(key);
    auto domains = Domains::open(*config_, own_addresses(*config_), {});
    if (!name || !domains) return;
    auto kind = domains->classify(*name);
    if (!kind || *kind == DomainClass::Hosted) return;
    if (*kind == DomainClass::Local) {
      warn(shown(key) + " is in mydestination as well, which takes precedence: system users get " +
           "mail there, too; remove it from mydestination");
    } else if (*kind == DomainClass::VirtualAlias) {
      warn(shown(key) + " is in virtual_alias_domains as well, which takes precedence: its users " +
           "get no mail; remove it there");
    } else {
      warn("virtual_mailbox_domains is set and does not name domains_map, so " + shown(key) +
           " is not hosted yet; add $domains_map to virtual_mailbox_domains");
    }
  }

  void warn_of_users(const std::string& key) {
    auto own = store::OwnUsers::open(config_);
    if (!own) return;
    auto users = own->list();
    if (!users) return;
    auto left = std::ranges::count_if(
        *users, [&](const auto& user) { return user.name.ends_with("@" + key); });
    if (left == 0) return;
    warn("users of " + shown(key) + " that are left, and get no mail from outside: " +
         std::to_string(left) + "; remove them with pennypost user del");
  }

  std::ostream& out_;
  std::ostream& err_;
  LoadOptions load_;
  std::shared_ptr<const Config> config_;
  std::string verb_;
  std::string name_;
};

}  // namespace

int domain(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return DomainCommand(out, err).run(args);
}

}  // namespace pennypost::smtp
