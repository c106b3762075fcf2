// pennypost(8): runs the command given by its own name or by its first argument.
//
// SYNOPSIS
//   pennypost [-c DIR] postconf|postmap|... ARGUMENTS, or a link of a command's name to pennypost
//
// Each command has one row. A command is a function of its arguments and two streams that returns
// the exit status. Each accepts `-c DIR`, which may also come before its name.
#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smtpd/commands/hosted_domains.h"
#include "smtpd/commands/mailq.h"
#include "smtpd/commands/migrate.h"
#include "smtpd/commands/newaliases.h"
#include "smtpd/commands/postcat.h"
#include "smtpd/commands/postconf.h"
#include "smtpd/commands/postmap.h"
#include "smtpd/commands/postsuper.h"
#include "smtpd/commands/queue_shape.h"
#include "smtpd/commands/service.h"
#include "smtpd/commands/throttle.h"
#include "smtpd/commands/usage.h"
#include "smtpd/commands/user.h"

namespace {

using namespace pennypost::smtp;  // NOLINT: the commands

struct Command {
  std::string_view name;
  std::string_view what;
  std::string_view usage;
  int (*run)(std::span<const std::string> args, std::ostream& out, std::ostream& err);
};
constexpr std::array commands{
    Command{"check", "check settings, tables, certificates and the host", usage::service,
            &check_command},
    Command{"domain", "add, remove and list hosted domains", usage::domain, &domain},
    Command{"mailq", "list the queue, even while smtpd is stopped", usage::pennypost_mailq, &mailq},
    Command{"migrate", "write the configuration of another mail server as ours", usage::migrate,
            &migrate},
    Command{"newaliases", "build the tables of alias_database", usage::newaliases, &newaliases},
    Command{"postalias", "build, query or list a table of aliases", usage::postalias, &postalias},
    Command{"postcat", "show messages of the queue", usage::postcat, &postcat},
    Command{"postconf", "show and change settings", usage::postconf, &postconf},
    Command{"postmap", "build, query or list a look-up table", usage::postmap, &postmap},
    Command{"postsuper", "remove, hold, release or requeue messages", usage::postsuper, &postsuper},
    Command{"queue", "show the queue's mail by domain and age", usage::queue, &queue},
    Command{"reload", "make the daemons reload their configuration", usage::service,
            &reload_command},
    Command{"start", "start the daemons", usage::service, &start_command},
    Command{"status", "show which daemons run", usage::service, &status_command},
    Command{"stop", "make the daemons finish their work and stop", usage::service, &stop_command},
    Command{"throttle", "list clients with wrong passwords, and lift blocks", usage::throttle,
            &throttle},
    Command{"user", "add, change, remove and list own users", usage::user, &user},
};
static_assert(std::ranges::is_sorted(commands, {}, &Command::name));

const Command* find(std::string_view name) {
  auto found = std::ranges::find(commands, name, &Command::name);
  return found == commands.end() ? nullptr : &*found;
}

int show_commands(std::ostream& out, int status) {
  out << "usage: pennypost [-c DIR] COMMAND [ARGUMENT]...\n";
  for (const Command& command : commands) {
    out << "  " << command.name << ": " << command.what << "\n";
  }
  out << "COMMAND --help shows its arguments.\n";
  return status;
}

int wrong_call() { return show_commands(std::cerr, 64); }  // EX_USAGE

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> args(argv, argv + argc);
  if (args.empty()) return wrong_call();
  std::string name = std::filesystem::path(args[0]).filename();
  args.erase(args.begin());
  const Command* command = find(name);
  if (command == nullptr && usage::is_asked(args)) return show_commands(std::cout, 0);
  if (command == nullptr) {
    auto at = args.begin();
    if (args.size() > 2 && args[0] == "-c") at += 2;
    if (at == args.end()) return wrong_call();
    command = find(*at);
    args.erase(at);
  }
  if (command == nullptr) return wrong_call();
  if (usage::is_asked(args)) {
    std::cout << command->usage << "\n" << command->name << ": " << command->what << "\n";
    return 0;
  }
  int status = command->run(args, std::cout, std::cerr);
  std::cout.flush();
  return std::cout ? status : 1;
}
