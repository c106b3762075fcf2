#include "imapd/admin/admin.h"

#include <fnmatch.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <optional>

#include "common/base/text.h"
#include "common/process/mail_rights.h"
#include "imapd/admin/actions.h"
#include "imapd/session/context.h"
#include "store/accounts/account_names.h"
#include "store/accounts/accounts.h"
#include "store/login/place.h"
#include "store/stores/store_settings.h"
#include "store/stores/stores.h"

namespace pennypost::imap {
namespace {

/// A command is one row.
struct AdminCommand {
  std::string_view name;
  std::string_view letters;  // its own options
  std::string_view arguments;
  MadeAction (*make)(const AdminCall& call);
  std::string_view options = "";  // its own long ones, as AdminCall::Form has them
};
constexpr std::string_view migrate_imap_options =
    "ca-file= folder= insecure-tls password-file= port= starttls to= user=";
constexpr std::array admin_commands{
    AdminCommand{"acl add", "", "MAILBOX ID RIGHT...", &add_rights},
    AdminCommand{"acl delete", "", "MAILBOX ID", &delete_acl_entry},
    AdminCommand{"acl get", "", "MAILBOX", &show_acl},
    AdminCommand{"acl list", "", "", &list_acls},
    AdminCommand{"acl recalc", "", "", &recount_shares},
    AdminCommand{"acl remove", "", "MAILBOX ID RIGHT...", &remove_rights},
    AdminCommand{"acl rights", "", "MAILBOX", &show_rights},
    AdminCommand{"acl set", "", "MAILBOX ID RIGHT...", &replace_rights},
    AdminCommand{"copy", "", "FOLDER QUERY", &copy_found},
    AdminCommand{"export", "", "mbox:FILE|maildir:DIR|tar:FILE QUERY", &export_mail},
    AdminCommand{"expunge", "d", "[-d] QUERY", &expunge_found},
    AdminCommand{"fetch", "", "FIELDS QUERY", &fetch_fields},
    AdminCommand{"flags add", "", "FLAGS QUERY", &add_flags},
    AdminCommand{"flags remove", "", "FLAGS QUERY", &remove_flags},
    AdminCommand{"flags replace", "", "FLAGS QUERY", &replace_flags},
    AdminCommand{"force-resync", "", "[PATTERN]...", &resync_folders},
    AdminCommand{"fts optimize", "", "", &optimize_words_of},
    AdminCommand{"fts rescan", "", "[PATTERN]...", &rescan_words},
    AdminCommand{"import", "s", "[-s] mbox:FILE|maildir:DIR[:LAYOUT=fs] FOLDER QUERY",
                 &import_mail},
    AdminCommand{"mailbox create", "s", "[-s] NAME...", &create_folders},
    AdminCommand{"mailbox delete", "ers", "[-e] [-r] [-s] NAME...", &delete_folders},
    AdminCommand{"mailbox list", "s", "[-s] [PATTERN]...", &list_folders},
    AdminCommand{"mailbox rename", "s", "[-s] OLD NEW", &rename_folder},
    AdminCommand{"mailbox status", "t", "[-t] FIELDS PATTERN...", &show_status},
    AdminCommand{"mailbox subscribe", "", "NAME...", &subscribe_folders},
    AdminCommand{"mailbox unsubscribe", "", "NAME...", &unsubscribe_folders},
    AdminCommand{"migrate imap", "",
                 "--user LOGIN --to USER [--password-file FILE] [--port N] [--starttls]\n"
                 "         [--ca-file FILE | --insecure-tls] [--folder NAME]... HOST",
                 &migrate_imap, migrate_imap_options},
    AdminCommand{"move", "", "FOLDER QUERY", &move_found},
    AdminCommand{"search", "", "QUERY", &search_messages},
};
static_assert(std::ranges::is_sorted(admin_commands, {}, &AdminCommand::name));

bool is_group(std::string_view name) {
  return std::ranges::any_of(admin_commands, [&](const AdminCommand& command) {
    return command.name.starts_with(std::string(name) + " ");
  });
}

void print_usage(std::string_view name) {
  for (const auto& command : admin_commands) {
    if (command.name != name && !command.name.starts_with(std::string(name) + " ")) continue;
    bool names_account = command.options.find("to=") == std::string_view::npos;
    std::cerr << "usage: pennypost " << command.name << " [-c DIR] [--json]"
              << (names_account ? " -u USER|-A" : "") << (command.arguments.empty() ? "" : " ")
              << command.arguments << "\n";
  }
}

int status_of(const Error& error) {
  if (error.code() == 501) return exit_usage;
  if (error.response_code() == ResponseCode::NonExistent) return exit_not_found;
  return error.is_temporary() ? exit_later : exit_failed;
}

/// An account that the call is about: as an admin has typed it, or by the name of the account
/// itself, which a login may share with another one.
struct MeantAccount {
  std::string name;
  bool is_login = true;
};

/// One call, for all accounts that it names.
class Administration {
 public:
  Administration(std::string name, AdminCall call)
      : name_(std::move(name)), call_(std::move(call)) {}

  int run(const AdminCommand& command) {
    auto config = Config::load(call_.load);
    if (!config) {
      for (auto line : split(config.error().text(), '\n')) std::cerr << line << "\n";
      return exit_config;
    }
    call_.config = *std::move(config);
    call_.limits = limits_of(call_.config->at(Service::Imap));
    auto names = accounts_meant();
    if (!names) return fail("", names.error());
    auto action = command.make(call_);
    if (!action) {
      fail("", action.error());
      if (action.error().code() == 501) print_usage(command.name);
      return status_of(action.error());
    }
    int status = 0;
    for (const auto& meant : *names) {
      if (int failed = run_apart(**action, meant); failed != 0) status = failed;
    }
    return status;
  }

 private:
  int fail(const std::string& account, const Error& error) const {
    std::cerr << "pennypost " << name_ << ": " << (account.empty() ? "" : account + ": ")
              << error.text() << "\n";
    return status_of(error);
  }

  static bool is_pattern(const std::string& user) { return user.find_first_of("*?") != user.npos; }

  /// Those that -u and -A stand for.
  Result<std::vector<MeantAccount>> accounts_meant() {
    call_.shows_user = call_.is_for_all || call_.users.size() > 1;
    std::vector<MeantAccount> meant;
    std::optional<std::vector<std::string>> known;
    if (call_.is_for_all) call_.users = {"*"};
    for (const auto& user : call_.users) {
      if (!is_pattern(user)) {
        meant.push_back({user});
        continue;
      }
      call_.shows_user = true;
      if (!known) {
        TRY(known, store::account_names(call_.config));
      }
      for (const auto& name : *known) {
        if (::fnmatch(user.c_str(), name.c_str(), 0) == 0) meant.push_back({name, false});
      }
    }
    return meant;
  }

  /// In a process of the account's own.
  int run_apart(AdminAction& action, const MeantAccount& meant) const {
    std::cout.flush();
    pid_t pid = ::fork();
    if (pid < 0)
      return fail(meant.name, Error::temporary(std::string("fork: ") + std::strerror(errno)));
    if (pid == 0) {
      int status = run_for(action, meant);
      std::cout.flush();
      if (status == 0 && !std::cout) status = exit_failed;
      ::_exit(status);
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    return fail(meant.name,
                Error::temporary("ended by signal " + std::to_string(WTERMSIG(status))));
  }

  int run_for(AdminAction& action, const MeantAccount& meant) const {
    auto account = find_account(meant);
    if (!account) return fail(meant.name, account.error());
    if (!*account) {
      // Of those whom passwd has, most have no mail.
      if (!meant.is_login) return 0;
      std::cerr << "pennypost " << name_ << ": there is no account " << printable(meant.name, 200)
                << "; pennypost user list shows the own users\n";
      return exit_no_user;
    }
    auto done = run_as(action, **account);
    return done ? 0 : fail((*account)->name, done.error());
  }

  Result<std::optional<store::AccountRef>> find_account(const MeantAccount& meant) const {
    TRY(auto accounts, store::Accounts::open(call_.config, store::system_users_of(*call_.config)));
    return meant.is_login ? accounts.by_login(meant.name) : accounts.by_name(meant.name);
  }

  Result<void> run_as(AdminAction& action, const store::AccountRef& account) const {
    TRY_DO(action.begin(account));
    TRY_DO(take_rights(account));
    TRY(auto location,
        store::MailLocation::parse(account.mail_location, {account.name, account.home}));
    std::error_code problem;
    bool has_mail = std::filesystem::exists(location.root, problem) ||
                    std::filesystem::exists(location.inbox, problem);
    auto settings = store::store_settings(*call_.config, account);
    auto mail = store::open_store(std::move(location), std::move(settings));
    AdminOutput out(std::cout, call_.as_json);
    AdminAccount on{call_, account, *mail, out, has_mail};
    return action.run(on);
  }

  /// Becomes the account's user, as its worker in imapd is.
  Result<void> take_rights(const store::AccountRef& account) const {
    ::umask(077);
    if (!is_root()) {
      if (!account.is_system || account.uid == ::geteuid()) return {};
      return Error::permanent("the mail belongs to uid " + std::to_string(account.uid) +
                              "; only that user and root may do this");
    }
    TRY(auto place, store::place_of(*call_.config, account, 1));
    TRY(auto keep, mail_rights(*call_.config, std::move(place.identity)));
    return drop_privileges(keep);
  }

  std::string name_;
  AdminCall call_;
};

}  // namespace

int administer(std::span<const std::string> arguments) {
  ::signal(SIGPIPE, SIG_DFL);
  if (arguments.empty()) return exit_usage;
  std::string name = arguments.front();
  bool is_of_group = is_group(name);
  auto own = std::ranges::find(admin_commands, std::string_view(name), &AdminCommand::name);
  if (!is_of_group && own == admin_commands.end()) return exit_usage;
  // The letters of a group's commands are told apart once its second word is known.
  AdminCall::Form form{is_of_group ? "erst" : own->letters, "", is_of_group};
  if (name == "migrate") form = {"", migrate_imap_options, true};
  auto call = AdminCall::parse(arguments.subspan(1), form);
  if (!call) {
    std::cerr << "pennypost " << name << ": " << call.error().text() << "\n";
    print_usage(name);
    return exit_usage;
  }
  if (is_of_group && !call->words.empty()) {
    name += " " + call->words.front();
    call->words.erase(call->words.begin());
    own = std::ranges::find(admin_commands, std::string_view(name), &AdminCommand::name);
  }
  bool is_right =
      own != admin_commands.end() && std::ranges::all_of(call->letters, [&](char letter) {
        return own->letters.find(letter) != own->letters.npos;
      });
  if (!is_right) {
    print_usage(arguments.front());
    return exit_usage;
  }
  return Administration(name, *std::move(call)).run(*own);
}

}  // namespace pennypost::imap
