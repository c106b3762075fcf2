#include "smtpd/commands/sieve_scripts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ostream>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/process/ask_as.h"
#include "common/process/mail_rights.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "store/accounts/accounts.h"
#include "store/filtering/scripts_of.h"
#include "store/filtering/stored_filter.h"
#include "store/login/place.h"
#include "store/sieve/checker.h"
#include "store/stores/store_settings.h"
#include "store/stores/stores.h"

namespace pennypost::smtp {
namespace {

using store::AccountRef;
using store::sieve::ScriptStore;

struct Verb {
  std::string_view name;
  std::size_t words;
};
constexpr std::array verbs{Verb{"activate", 2}, Verb{"deactivate", 1}, Verb{"delete", 2},
                           Verb{"get", 2},      Verb{"list", 1},       Verb{"put", 3},
                           Verb{"rename", 3},   Verb{"run", 2}};

/// A line for the output, or for the errors: its first character tells which.
constexpr char shown = ' ';
constexpr char refused = '!';
using Lines = std::vector<std::string>;

std::string refusal(const std::string& text) { return refused + text; }

/// Looks the account up in a process of its own: the table's library makes threads. Its answer is
/// lines, none of which may be empty.
Result<AccountRef> account_of(const std::shared_ptr<const Config>& config,
                              const std::string& login) {
  TRY(auto found, ask_apart([&]() -> Result<Lines> {
        TRY(auto accounts, store::Accounts::open(config, store::system_users_of(*config)));
        TRY(auto one, accounts.by_login(login));
        if (!one) return Error::permanent("there is no user " + printable(login, 200));
        return Lines{one->is_system ? "system" : "own", "=" + one->name, "=" + one->home,
                     "=" + one->mail_location, "=" + one->quota};
      }));
  if (found.size() != 5) return Error::temporary("the look-up of the user was cut short");
  AccountRef account;
  account.is_system = found[0] == "system";
  account.name = found[1].substr(1);
  account.home = found[2].substr(1);
  account.mail_location = found[3].substr(1);
  account.quota = found[4].substr(1);
  return account;
}

/// What is done with the account's rights.
class ScriptWork {
 public:
  ScriptWork(const ScriptsCall& call, const Config& config, const AccountRef& account,
             const std::string& text, const Tell& tell)
      : call_(call), config_(config), account_(account), text_(text), tell_(tell) {}

  void run() {
    auto done = work();
    if (!done) tell_(refusal(done.error().text()));
  }

 private:
  Result<void> work() {
    TRY(auto scripts, store::scripts_of(config_, account_));
    if (!scripts) return Error::permanent("users have no scripts: the setting sieve is empty");
    const auto& verb = call_.verb;
    if (verb == "list") return list(*scripts);
    if (verb == "get") return get(*scripts);
    if (verb == "put") return put(*scripts);
    if (verb == "activate") return scripts->activate(name());
    if (verb == "deactivate") return scripts->activate("");
    if (verb == "rename") return scripts->rename(name(), call_.words[2]);
    if (verb == "delete") return scripts->remove(name());
    return apply(*scripts);
  }

  const std::string& name() const { return call_.words[1]; }
  void show(const std::string& line) { tell_(shown + line); }

  Result<void> list(const ScriptStore& scripts) {
    TRY(auto all, scripts.list());
    for (const auto& script : all) {
      show((script.is_active ? "* " : "  ") + printable(script.name) + "  " +
           std::to_string(script.bytes));
    }
    return {};
  }

  Result<void> get(const ScriptStore& scripts) {
    TRY(auto text, scripts.read(name()));
    while (text.ends_with('\n')) text.pop_back();
    for (auto line : split(text, '\n')) show(std::string(line));
    return {};
  }

  Result<void> put(const ScriptStore& scripts) {
    TRY(auto mistakes, scripts.put(name(), text_));
    for (const auto& mistake : mistakes) {
      tell_(refusal(call_.words[2] + ":" + mistake.shown()));
    }
    return {};
  }

  Result<void> apply(const ScriptStore& scripts) {
    TRY(auto text, scripts.read(name()));
    auto offered = store::offered_extensions(config_, store::ScriptUse::Stored);
    auto compiled = store::sieve::compile(text, offered);
    if (!compiled.script) {
      for (const auto& mistake : compiled.mistakes) {
        tell_(refusal(name() + ":" + mistake.shown()));
      }
      return {};
    }
    TRY(auto location,
        store::MailLocation::parse(account_.mail_location, {account_.name, account_.home}));
    auto mail = store::open_store(std::move(location), store::store_settings(config_, account_));
    TRY(auto folder, mail->parse_name(call_.folder));
    TRY(auto mailbox, mail->open(folder, store::Access::ReadWrite));
    TRY(auto place, store::script_place(config_, account_));
    store::StoredFilter filter(config_, account_, *mail, place, *compiled.script,
                               {call_.is_dry, call_.removes_discarded});
    std::vector<store::Uid> uids;
    for (const auto& message : mailbox->messages()) uids.push_back(message.uid);
    for (auto uid : uids) {
      auto told = filter.apply(*mailbox, uid);
      if (!told && store::is_expunged(told.error())) continue;
      auto number = std::to_string(uid.value()) + ": ";
      if (told) show(number + printable(*told));
      if (!told) tell_(refusal(number + printable(told.error().text())));
    }
    return {};
  }

  const ScriptsCall& call_;
  const Config& config_;
  const AccountRef& account_;
  const std::string& text_;
  const Tell& tell_;
};

Result<std::string> script_text(const std::string& path) {
  constexpr auto bytes_max = store::sieve::script_bytes_max;
  auto shown_path = path == "-" ? "standard input" : path;
  Descriptor file;
  if (path != "-") {
    TRY(file, open_file(path, O_RDONLY | O_CLOEXEC));
  }
  TRY(auto text, read_up_to(file ? file.number() : STDIN_FILENO, bytes_max + 1, shown_path));
  if (text.size() <= bytes_max) return text;
  return Error::permanent(shown_path + " has more than " + std::to_string(bytes_max) + " octets");
}

/// `hear` gets the lines.
Result<void> do_call(const ScriptsCall& call, const std::shared_ptr<const Config>& config,
                     const Tell& hear) {
  std::string text;
  if (call.verb == "put") {
    TRY(text, script_text(call.words[2]));
  }
  TRY(auto account, account_of(config, call.words[0]));
  TRY(auto place, store::place_of(*config, account, 1));
  std::optional<Privileges> keep;
  if (is_root()) {
    TRY(keep, mail_rights(*config, std::move(place.identity)));
  }
  return work_as(
      keep,
      [&](const Tell& tell) {
        ::umask(077);
        ScriptWork(call, *config, account, text, tell).run();
      },
      hear);
}

}  // namespace

bool is_scripts_call(const ScriptsCall& call) {
  auto verb = std::ranges::find(verbs, call.verb, &Verb::name);
  return verb != verbs.end() && call.words.size() == verb->words;
}

int sieve_scripts(const ScriptsCall& call, std::ostream& out, std::ostream& err) {
  auto fatal = [&err](const Error& error, int status) {
    err << "pennypost sieve: fatal: " << error.text() << "\n";
    return status;
  };
  LoadOptions options;
  if (call.directory) options.directory = *call.directory;
  auto config = Config::load(options);
  if (!config) return fatal(config.error(), ex_config);
  int status = 0;
  auto done = do_call(call, *config, [&](const std::string& line) {
    bool is_refused = line.starts_with(refused);
    if (is_refused) status = call.verb == "put" ? ex_dataerr : ex_failed;
    (is_refused ? err << "pennypost sieve: " : out) << line.substr(line.empty() ? 0 : 1) << "\n";
  });
  if (!done) return fatal(done.error(), ex_failed);
  return status;
}

}  // namespace pennypost::smtp
