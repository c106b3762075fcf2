// `pennypost user`: adds, changes, removes, lists and blocks users.
//
// SYNOPSIS
//   pennypost user add [-c DIR] [-o NAME=VALUE]... [-d HOME] [-m LOCATION] [-q RULE] [-s] NAME
//   pennypost user passwd [-c DIR] [-s] NAME
//   pennypost user rename [-c DIR] OLD NEW
//   pennypost user del [-c DIR] [--with-mail | --archive FILE] NAME
//   pennypost user list [-c DIR] [-l]
//   pennypost user show [-c DIR] [--json] NAME
//   pennypost user set [-c DIR] NAME FIELD=VALUE...
//   pennypost user quota [-c DIR] NAME [RULE... | none]
//   pennypost user apppass add [-c DIR] [--scope LIST] [--expires DAY] [--json] NAME APP
//   pennypost user apppass del [-c DIR] NAME APP
//   pennypost user apppass list [-c DIR] [--json] NAME
//   pennypost user block [-c DIR] [--reason TEXT] [--logins] [--hold] NAME
//   pennypost user unblock [-c DIR] NAME
//
// DESCRIPTION
//   NAME is an address, alice@example.org; without a domain it gets auth_realm. A domain may be
//   written in Unicode (eva@bücher.example) or with A-labels; list shows both.
//   The password is asked for twice, without echo; if standard input is not a terminal, its first
//   line is the password. Daemons notice a change within two seconds: a removed user, or an old
//   password, can no longer log in, and a login that has begun fails. Users who are logged in stay
//   so until they leave, as in Dovecot; to disconnect them, restart popd and imapd.
//
//   -d  the home directory
//   -m  the location of the mail, in the form of mail_location
//   -q  the quota, such as *:storage=1G:messages=100000
//   -s  reads a stored form ({SHA512-CRYPT}$6$…) from standard input, as other programs have it;
//       with auth_mechanisms = auto, SCRAM is not offered while any user lacks {SCRAM-SHA-256}
//       keys, which passwd makes
//   -l  lists home, location and quota as well
//
//   show prints what is so for a user. set changes fields of the user's entry in users_map: home,
//   mail, quota_rule, imap_capability, acl_groups (the user's groups in dovecot-acl, separated by
//   commas), allow_nets (networks from which the user may log in, likewise), admin (yes: may see
//   and set the quota of all own users by IMAP), disabled (yes: no login; mail still arrives),
//   comment. An empty value removes a field. quota replaces the quota rules, as in Dovecot:
//   *:storage=1G:messages=10000, Trash:storage=+10%, Spam:ignore; without any it prints them. For
//   all three, NAME may be @ and a domain, whose fields hold for its users whose own entries do not
//   say otherwise.
//
//   apppass add makes a further password for one program and shows it, once. It logs in to the
//   services in --scope (imap, pop3, smtp, sieve, separated by commas; all unless given), until the
//   end of --expires (2027-01-31, or 90d from now); list shows when each was used last, which the
//   daemons note within a minute. passwd leaves app passwords as they are. With auth_mechanisms =
//   auto, SCRAM is not offered while any user has one, since SCRAM can only prove a user's one
//   password.
//
//   rename gives a user another name, with the same password; the home and the mail move to where
//   those of the new name belong. Whoever is logged in by the old name should log in again.
//   del leaves the mail, and prints where it is; --with-mail removes it as well; --archive writes
//   it to FILE (.tar, .tar.gz, .tar.xz or .tar.zst) first. Both name the lines of tables that still
//   lead to the old name, so that an admin can change them. What is interrupted is finished by the
//   next call that changes users.
//
//   block has smtpd accept no more mail from a user, an own one or a system user by name (then also
//   from sendmail): within two seconds also in sessions that have begun, at their next MAIL.
//   Reading mail goes on, unless --logins is given. list shows who is blocked, since when and why.
//   --reason  why, for whoever looks at the list
//   --logins  refuses SMTP, IMAP and POP3 logins, too; who is logged in stays so
//   --hold    puts the user's mail that is still in the queue on hold; postsuper -H releases it
//   unblock ends that; mail on hold stays there.
//
// FILES
//   FILE.change beside users_map: a rename or removal under way
//   users_map, credentials_map: hash:FILE; FILE itself is the source, FILE.rdb what daemons read
#include "smtpd/commands/user.h"

#include <filesystem>
#include <map>
#include <optional>
#include <ostream>
#include <vector>

#include "common/base/secret.h"
#include "common/config/config.h"
#include "common/crypto/password.h"
#include "common/mail/idn.h"
#include "smtpd/backup/archive.h"
#include "smtpd/commands/ask_password.h"
#include "smtpd/commands/usage.h"
#include "smtpd/commands/user_apppass.h"
#include "smtpd/commands/user_block.h"
#include "smtpd/commands/user_change.h"
#include "smtpd/commands/user_entry.h"
#include "smtpd/routing/domains.h"
#include "store/accounts/own_users.h"

namespace pennypost::smtp {
namespace {

using namespace pennypost::store;  // NOLINT: the accounts

class User {
 public:
  User(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}

  int run(std::span<const std::string> args) {
    auto done = work(args);
    if (done) return 0;
    err_ << "pennypost user: fatal: " << done.error().text() << "\n";
    return 1;
  }

 private:
  static Error wrong_call() { return Error::permanent(std::string(usage::user)); }

  Result<void> work(std::span<const std::string> args) {
    TRY_DO(options(args));
    // What follows the name.
    const bool takes_more = verb_ == "set" || verb_ == "quota" || verb_ == "apppass";
    if (!takes_more && rest_.size() > (verb_ == "rename" ? 1u : 0u)) return wrong_call();
    if (verb_ == "rename" && !rest_.empty()) new_name_ = rest_.front();
    if ((verb_ == "set" && rest_.empty()) ||
        (app_.as_json && verb_ != "show" && verb_ != "apppass"))
      return wrong_call();
    if (verb_ != "apppass" && !(app_.scope.empty() && app_.expires.empty())) return wrong_call();
    bool needs_name = verb_ != "list";
    bool is_right = !verb_.empty() && needs_name == !name_.empty() &&
                    (verb_ == "rename") == !new_name_.empty() &&
                    (verb_ == "del" || (!removes_mail_ && archive_.empty()));
    if (!is_right || (removes_mail_ && !archive_.empty())) return wrong_call();
    TRY(config_, Config::load(load_));
    TRY(auto users, OwnUsers::open(config_));
    if (verb_ == "rename") return rename(users);
    if (verb_ == "add") return add(users);
    if (verb_ == "passwd") return passwd(users);
    if (verb_ == "del") return del(users);
    if (verb_ == "list") return list(users);
    if (verb_ == "show") return show_user(config_, users, name_, app_.as_json, out_);
    if (verb_ == "apppass") {
      rest_.insert(rest_.begin(), name_);
      return app_passwords(config_, users, rest_, app_, out_);
    }
    if (verb_ == "set") return set_fields(users, name_, rest_, out_);
    if (verb_ == "quota") return set_quota(config_, users, name_, rest_, out_);
    if (verb_ == "block" || verb_ == "unblock") {
      TRY(auto account, account_to_block(users, *config_, name_));
      if (verb_ == "block") return block_user(config_, account, block_, out_);
      return unblock_user(*config_, account, out_);
    }
    return wrong_call();
  }

  Result<void> options(std::span<const std::string> args) {
    for (std::size_t i = 0; i < args.size(); ++i) {
      const std::string& arg = args[i];
      if (arg == "-s") {
        takes_stored_ = true;
      } else if (arg == "-l") {
        is_long_ = true;
      } else if (arg == "--json") {
        app_.as_json = true;
      } else if (arg == "--scope" || arg == "--expires") {
        if (++i == args.size()) return wrong_call();
        (arg == "--scope" ? app_.scope : app_.expires) = args[i];
      } else if (arg == "--logins") {
        block_.refuses_logins = true;
      } else if (arg == "--hold") {
        block_.holds_mail = true;
      } else if (arg == "--reason") {
        if (++i == args.size()) return wrong_call();
        block_.reason = args[i];
      } else if (arg == "--with-mail") {
        removes_mail_ = true;
      } else if (arg == "--archive") {
        if (++i == args.size()) return wrong_call();
        archive_ = args[i];
      } else if (arg == "-c" || arg == "-o" || arg == "-d" || arg == "-m" || arg == "-q") {
        if (++i == args.size()) return wrong_call();
        if (arg == "-c") load_.directory = args[i];
        if (arg == "-o") load_.overrides.push_back(args[i]);
        if (arg == "-d") fields_.home = args[i];
        if (arg == "-m") fields_.mail = args[i];
        if (arg == "-q") fields_.quota_rule = args[i];
      } else if (arg.starts_with('-')) {
        return wrong_call();
      } else if (verb_.empty()) {
        verb_ = arg;
      } else if (name_.empty()) {
        name_ = arg;
      } else {
        rest_.push_back(arg);
      }
    }
    return {};
  }

  Result<void> add(const OwnUsers& users) {
    TRY(name_, users.full_name(name_));
    // Checked before the password is asked for.
    TRY(auto known, users.list());
    for (const auto& user : known) {
      if (user.name == name_) return Error::permanent("the user " + name_ + " exists already");
    }
    TRY(auto credentials, ask_credentials());
    TRY(auto change, UserChange::begin(config_, users));
    TRY(auto full, users.add(name_, credentials, fields_));
    out_ << shown(full) << " added\n";
    warn_of_foreign_domain(*config_, full);
    return {};
  }

  /// The name with Unicode labels, followed by the name in the log and in directories.
  static std::string shown(const std::string& name) {
    auto unicode = other_spelling(name);
    return unicode ? *unicode + " (" + name + ")" : name;
  }

  void warn_of_foreign_domain(const Config& config, const std::string& name) {
    auto domain = Domain::parse(name.substr(name.rfind('@') + 1));
    auto domains = Domains::open(config, own_addresses(config), {});
    if (!domain || !domains) return;
    auto kind = domains->classify(*domain);
    if (!kind || *kind == DomainClass::Local || *kind == DomainClass::Hosted) return;
    err_ << "pennypost user: warning: " << shown(domain->text())
         << " is not in mydestination and not hosted, so no mail from outside reaches "
         << shown(name) << "; run pennypost domain add " << domain->key()
         << ", or add it to mydestination\n";
  }

  Result<void> passwd(const OwnUsers& users) {
    TRY(auto credentials, ask_credentials());
    TRY(auto change, UserChange::begin(config_, users));
    TRY(auto full, users.change_password(name_, credentials));
    out_ << shown(full) << ": password changed\n";
    return {};
  }

  Result<void> rename(const OwnUsers& users) {
    TRY(auto change, UserChange::begin(config_, users));
    TRY(auto renamed, change.rename(name_, new_name_));
    out_ << shown(renamed.old_name) << " is now " << shown(renamed.new_name) << "; home "
         << renamed.home << "\n";
    tell_of_lines(renamed.old_name);
    warn_of_foreign_domain(*config_, renamed.new_name);
    return {};
  }

  Result<void> del(const OwnUsers& users) {
    auto mail = removes_mail_      ? UserChange::Mail::Remove
                : archive_.empty() ? UserChange::Mail::Keep
                                   : UserChange::Mail::Archive;
    std::error_code problem;
    if (!archive_.empty()) {
      archive_ = std::filesystem::absolute(archive_, problem).lexically_normal().string();
      if (!is_archive_name(archive_)) {
        return Error::permanent(archive_ + ": an archive's name ends in one of " +
                                archive_suffixes());
      }
    }
    TRY(auto change, UserChange::begin(config_, users));
    TRY(auto gone, change.remove(name_, mail, archive_));
    out_ << shown(gone.name) << " removed; the mail is ";
    if (mail == UserChange::Mail::Keep) out_ << "still in " << gone.home << "\n";
    if (mail == UserChange::Mail::Remove) out_ << "removed as well\n";
    if (mail == UserChange::Mail::Archive) out_ << "in " << archive_ << "\n";
    tell_of_lines(gone.name);
    return {};
  }

  void tell_of_lines(const std::string& name) {
    for (const auto& line : lines_that_name(*config_, name)) {
      err_ << "pennypost user: warning: " << line << " still names " << name << "\n";
    }
  }

  Result<void> list(const OwnUsers& users) {
    TRY(auto all, users.list());
    std::map<std::string, Block> blocked;
    if (auto blocks = BlockList::open(*config_)) {
      TRY(auto entries, blocks->list());
      for (auto& entry : entries) blocked.emplace(std::move(entry.account), std::move(entry.block));
    }
    for (const auto& user : all) {
      out_ << user.name;
      if (is_long_) out_ << "\t" << user.fields.text();
      if (auto unicode = other_spelling(user.name)) out_ << "\t" << *unicode;
      auto block = blocked.find(user.name);
      if (block != blocked.end()) out_ << "\t" << shown_block(block->second);
      blocked.erase(user.name);
      out_ << "\n";
    }
    // System users.
    for (const auto& [name, block] : blocked) out_ << name << "\t" << shown_block(block) << "\n";
    return {};
  }

  Result<StoredCredentials> ask_credentials() {
    TRY(auto secret, ask_password(name_, err_));
    if (!takes_stored_) return StoredCredentials::make(secret);
    TRY(auto stored, StoredCredentials::parse(secret.reveal()));
    // Refuse a stored form that no login could use.
    if (!stored.password.empty()) {
      TRY_DO(verify_password(Secret("x"), stored.password));
    }
    return stored;
  }

  std::ostream& out_;
  std::ostream& err_;
  LoadOptions load_;
  std::shared_ptr<const Config> config_;
  OwnUserFields fields_;
  BlockOptions block_;
  AppPassOptions app_;
  bool takes_stored_ = false;
  bool is_long_ = false;
  bool removes_mail_ = false;
  std::string archive_;
  std::string verb_;
  std::string name_;
  std::string new_name_;
  std::vector<std::string> rest_;
};

}  // namespace

int user(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return User(out, err).run(args);
}

}  // namespace pennypost::smtp
