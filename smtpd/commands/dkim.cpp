// `pennypost dkim`: makes, lists and retires the keys that sign mail.
//
// SYNOPSIS
//   pennypost dkim new [-c DIR] [-o NAME=VALUE]... DOMAIN
//   pennypost dkim record [-c DIR] [-o NAME=VALUE]... DOMAIN [SELECTOR]
//   pennypost dkim list [-c DIR] [-o NAME=VALUE]... [DOMAIN]
//   pennypost dkim retire [-c DIR] [-o NAME=VALUE]... [-f] DOMAIN SELECTOR
//
// DESCRIPTION
//   new makes an RSA and an Ed25519 key for a domain and prints the records to publish. A first key
//   signs at once; a further one waits until the key of its kind that signs is retired. So keys are
//   rotated in three steps, and at no moment mail is signed with a key that DNS does not show:
//     pennypost dkim new example.org              and publish what it prints
//     pennypost dkim list example.org             until the new keys are `published`
//     pennypost dkim retire example.org SELECTOR  for each of the old ones
//   A retired key signs no more. Its record should stay in DNS for a week, as long as mail that it
//   has signed may be on its way; its file, SELECTOR.retired, may be removed at any time.
//
//   record prints the records of the keys that sign or wait, or of one key, as lines for a zone.
//
//   list prints a line for each key, separated by tabs: domain, selector, rsa or ed25519; signs,
//   waits or retired; and what DNS shows: published, missing, differs or unknown (no answer).
//
//   retire refuses to retire a key as long as the one that would take its place is not published,
//   or if there is none of any kind; -f retires it all the same.
//
//   Daemons notice all this within two seconds.
//
// FILES
//   dkim_key_directory: DOMAIN/SELECTOR.pem, readable by mail_owner alone
#include "smtpd/commands/dkim.h"

#include <algorithm>
#include <ctime>
#include <optional>
#include <ostream>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/crypto/random.h"
#include "common/dns/cares_resolver.h"
#include "common/mail/address.h"
#include "common/mail/public_suffix.h"
#include "common/process/privileges.h"
#include "smtpd/commands/dkim_records.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/usage.h"
#include "smtpd/policy/key_directory.h"

namespace pennypost::smtp {
namespace {

constexpr int rsa_bits = 2048;  // RFC 8301 section 3.2

std::string_view kind_name(const KeptKey& key) {
  return key.key.kind() == KeyKind::Rsa ? "rsa" : "ed25519";
}

/// 20261129
std::string today() {
  auto now = static_cast<std::time_t>(Clock::system().now_seconds());
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[16];
  auto size = std::strftime(text, sizeof text, "%Y%m%d", &parts);
  return {text, size};
}

class DkimCommand {
 public:
  DkimCommand(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}

  int run(std::span<const std::string> args) {
    if (!read(args)) {
      err_ << usage::dkim << "\n";
      return ex_usage;
    }
    auto done = work();
    if (done) return 0;
    err_ << "pennypost dkim: fatal: " << done.error().text() << "\n";
    return 1;
  }

 private:
  /// False: wrong arguments.
  bool read(std::span<const std::string> args) {
    std::vector<std::string> words;
    for (std::size_t i = 0; i < args.size(); ++i) {
      const std::string& arg = args[i];
      if (arg == "-c" || arg == "-o") {
        if (++i == args.size()) return false;
        if (arg == "-c") load_.directory = args[i];
        if (arg == "-o") load_.overrides.push_back(args[i]);
      } else if (arg == "-f") {
        is_forced_ = true;
      } else if (arg.starts_with('-')) {
        return false;
      } else {
        words.push_back(arg);
      }
    }
    if (words.empty()) return false;
    verb_ = words[0];
    if (words.size() > 1) domain_ = words[1];
    if (words.size() > 2) selector_ = words[2];
    if (is_forced_ && verb_ != "retire") return false;
    if (verb_ == "new") return words.size() == 2;
    if (verb_ == "record") return words.size() == 2 || words.size() == 3;
    if (verb_ == "list") return words.size() <= 2;
    return verb_ == "retire" && words.size() == 3;
  }

  Result<void> work() {
    prepare_crypto();
    TRY(config_, Config::load(load_));
    directory_.emplace(config_->dkim_key_directory);
    if (!domain_.empty()) {
      TRY(auto domain, Domain::parse(domain_, Utf8::Allowed));
      if (domain.is_literal() || is_public_suffix(domain.key())) {
        return Error::permanent(domain_ + " is no domain of your own; write one like example.com");
      }
      domain_ = domain.key();
    }
    if (verb_ == "new") return make();
    if (verb_ == "record") return record();
    if (verb_ == "retire") return retire();
    return list();
  }

  Result<KeptKeys> keys_of(const std::string& domain) {
    TRY(auto kept, directory_->read(domain));
    for (const auto& problem : kept.problems) {
      err_ << "pennypost dkim: warning: " << problem << "\n";
    }
    return kept;
  }

  Result<void> make() {
    std::optional<KeyDirectory::Owner> owner;
    if (is_root()) {
      TRY(auto identity, Identity::of_user(config_->mail_owner, "mail_owner"));
      owner = KeyDirectory::Owner{identity.uid, identity.gid};
    }
    TRY(auto before, keys_of(domain_));
    bool is_first = before.signing().empty();
    std::vector<std::string> made;
    for (bool is_rsa : {true, false}) {
      auto key = is_rsa ? SigningKey::make_rsa(rsa_bits) : SigningKey::make_ed25519();
      auto selector = free_selector(before, today() + (is_rsa ? "r" : "e"));
      TRY_DO(directory_->add(domain_, selector, key, owner));
      made.push_back(std::move(selector));
    }
    TRY(auto after, keys_of(domain_));
    out_ << "; publish in DNS:\n";
    for (const auto& key : after.keys) {
      if (std::ranges::find(made, key.selector) != made.end()) out_ << dkim_zone_line(domain_, key);
    }
    if (is_first) {
      out_ << "; mail of " << domain_ << " is signed with them from now on\n";
    } else {
      out_ << "; they wait until the keys that sign now are retired: pennypost dkim retire\n";
    }
    if (!config_->dkim_signing) {
      err_ << "pennypost dkim: warning: dkim_signing = no: nothing is signed\n";
    }
    return {};
  }

  static std::string free_selector(const KeptKeys& taken, const std::string& wanted) {
    std::string selector = wanted;
    for (int next = 2;; ++next) {
      if (std::ranges::find(taken.keys, selector, &KeptKey::selector) == taken.keys.end()) {
        return selector;
      }
      selector = wanted + std::to_string(next);
    }
  }

  Result<void> record() {
    TRY(auto kept, keys_of(domain_));
    std::size_t shown = 0;
    for (const auto& key : kept.keys) {
      bool is_wanted = selector_.empty() ? !key.is_retired : key.selector == selector_;
      if (!is_wanted) continue;
      out_ << dkim_zone_line(domain_, key);
      ++shown;
    }
    if (shown > 0) return {};
    std::string what = selector_.empty() ? "no key" : "no key " + selector_;
    return Error::permanent(domain_ + " has " + what + "; pennypost dkim new makes some");
  }

  Result<void> list() {
    std::vector<std::string> domains{domain_};
    if (domain_.empty()) {
      TRY(domains, directory_->domains());
    }
    for (const auto& domain : domains) {
      TRY(auto kept, keys_of(domain));
      auto signing = kept.signing();
      for (const auto& key : kept.keys) {
        bool signs = std::ranges::find(signing, &key) != signing.end();
        std::string_view state = key.is_retired ? "retired" : signs ? "signs" : "waits";
        out_ << domain << "\t" << key.selector << "\t" << kind_name(key) << "\t" << state << "\t"
             << in_dns(domain, key) << "\n";
      }
    }
    return {};
  }

  Result<void> retire() {
    TRY(auto kept, keys_of(domain_));
    std::erase_if(kept.keys, [](const KeptKey& key) { return key.is_retired; });
    auto own = std::ranges::find(kept.keys, selector_, &KeptKey::selector);
    if (own != kept.keys.end() && !is_forced_) {
      auto kind = own->key.kind();
      kept.keys.erase(own);
      auto signing = kept.signing();
      if (signing.empty()) {
        return Error::permanent("it is the last key of " + domain_ +
                                ", whose mail would not be signed any more; pennypost dkim new " +
                                "makes others, and -f retires it all the same");
      }
      for (const auto* next : signing) {
        if (next->key.kind() != kind || in_dns(domain_, *next) == "published") continue;
        return Error::permanent(next->selector +
                                ", which would sign in its place, is not in DNS "
                                "yet; publish what pennypost dkim record " +
                                domain_ + " " + next->selector + " prints and wait, or write -f");
      }
    }
    TRY_DO(directory_->retire(domain_, selector_));
    out_ << selector_ << " signs no more; its record in DNS may go in a week, when no mail that it "
         << "has signed is on its way\n";
    return {};
  }

  /// What DNS shows of a key.
  std::string_view in_dns(const std::string& domain, const KeptKey& key) {
    if (!resolver_) resolver_.emplace(loop_, DnsSettings::of_system(*config_));
    return dkim_in_dns(loop_, *resolver_, domain, key);
  }

  std::ostream& out_;
  std::ostream& err_;
  LoadOptions load_;
  std::shared_ptr<const Config> config_;
  std::optional<KeyDirectory> directory_;
  Loop loop_;
  std::optional<CaresResolver> resolver_;
  std::string verb_;
  std::string domain_;
  std::string selector_;
  bool is_forced_ = false;
};

}  // namespace

int dkim(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return DkimCommand(out, err).run(args);
}

}  // namespace pennypost::smtp
