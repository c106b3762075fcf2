// pennypost(8): runs the command given by its own name or by its first argument.
//
// SYNOPSIS
//   pennypost [-c DIR] postconf|postmap|... ARGUMENTS, or a link of a command's name to pennypost
//   pennypost --complete PROGRAM WORD...
//
// Each command has one row. A command is a function of its arguments and two streams that returns
// the exit status. Each accepts `-c DIR`, which may also come before its name. --complete prints
// what may stand in place of the last WORD, for the shell's completion.
#include <algorithm>
#include <array>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smtpd/commands/auth_check.h"
#include "smtpd/commands/autoconfig.h"
#include "smtpd/commands/backup.h"
#include "smtpd/commands/completion.h"
#include "smtpd/commands/dkim.h"
#include "smtpd/commands/doctor.h"
#include "smtpd/commands/hosted_domains.h"
#include "smtpd/commands/mailboxes.h"
#include "smtpd/commands/mailq.h"
#include "smtpd/commands/migrate.h"
#include "smtpd/commands/newaliases.h"
#include "smtpd/commands/peer_names.h"
#include "smtpd/commands/postcat.h"
#include "smtpd/commands/postconf.h"
#include "smtpd/commands/postmap.h"
#include "smtpd/commands/postsuper.h"
#include "smtpd/commands/pw.h"
#include "smtpd/commands/queue_shape.h"
#include "smtpd/commands/quota.h"
#include "smtpd/commands/report.h"
#include "smtpd/commands/reports.h"
#include "smtpd/commands/restore.h"
#include "smtpd/commands/route.h"
#include "smtpd/commands/service.h"
#include "smtpd/commands/setup.h"
#include "smtpd/commands/sieve.h"
#include "smtpd/commands/throttle.h"
#include "smtpd/commands/top.h"
#include "smtpd/commands/trace.h"
#include "smtpd/commands/usage.h"
#include "smtpd/commands/usage_mail.h"
#include "smtpd/commands/user.h"
#include "smtpd/commands/where.h"
#include "smtpd/commands/who.h"

namespace {

using namespace pennypost::smtp;  // NOLINT: the commands

/// What a person wants to do with a command; the list of commands is in this order.
enum class Purpose { Run, Users, Mailboxes, Mail, Settings, Peers };
struct PurposeTitle {
  Purpose purpose;
  std::string_view title;
};
constexpr std::array purpose_titles{
    PurposeTitle{Purpose::Run, "Run the host"},
    PurposeTitle{Purpose::Users, "Users and domains"},
    PurposeTitle{Purpose::Mailboxes, "Users' mail"},
    PurposeTitle{Purpose::Mail, "The mail that waits"},
    PurposeTitle{Purpose::Settings, "Settings and tables"},
    PurposeTitle{Purpose::Peers, "Coming from another mail server"},
};

struct Command {
  std::string_view name;
  Purpose purpose;
  std::string_view what;
  std::string_view usage;
  int (*run)(std::span<const std::string> args, std::ostream& out, std::ostream& err);
};
constexpr std::array commands{
    Command{"acl", Purpose::Mailboxes, "show and change who shares mailboxes with whom", usage::acl,
            &acl_command},
    Command{"auth", Purpose::Users, "check a user's password as the daemons would", usage::auth,
            &auth_command},
    Command{"autoconfig", Purpose::Users, "write the files by which mail clients set themselves up",
            usage::autoconfig, &autoconfig},
    Command{"backup", Purpose::Run, "keep settings, users, queue and mail in a directory",
            usage::backup, &backup},
    Command{"check", Purpose::Run, "check settings, tables, certificates and the host",
            usage::service, &check_command},
    Command{"copy", Purpose::Mailboxes, "copy messages to another folder", usage::copy,
            &copy_command},
    Command{"dkim", Purpose::Settings, "make, list and retire keys that sign mail", usage::dkim,
            &dkim},
    Command{"doctor", Purpose::Run, "look for what keeps mail from arriving, and say what to do",
            usage::doctor, &doctor},
    Command{"domain", Purpose::Users, "add, remove and list hosted domains", usage::domain,
            &domain},
    Command{"doveadm", Purpose::Peers, "Dovecot's commands that we have, by their names there",
            usage::doveadm, &doveadm},
    Command{"doveconf", Purpose::Peers, "show settings, as in Dovecot", usage::doveconf, &doveconf},
    Command{"export", Purpose::Mailboxes, "write messages to an mbox, a Maildir or a tar archive",
            usage::export_mail, &export_command},
    Command{"expunge", Purpose::Mailboxes, "remove messages", usage::expunge, &expunge_command},
    Command{"fetch", Purpose::Mailboxes, "show messages, or fields of them", usage::fetch,
            &fetch_command},
    Command{"flags", Purpose::Mailboxes, "change the flags of messages", usage::flags,
            &flags_command},
    Command{"force-resync", Purpose::Mailboxes,
            "make the lists of folders agree with their messages", usage::force_resync,
            &resync_command},
    Command{"fts", Purpose::Mailboxes, "keep the indexes by which mail is searched", usage::fts,
            &fts_command},
    Command{"import", Purpose::Mailboxes, "take in messages from an mbox or a Maildir",
            usage::import_mail, &import_command},
    Command{"kick", Purpose::Users, "end sessions of users", usage::kick, &kick},
    Command{"mailbox", Purpose::Mailboxes, "list, make, rename and remove folders", usage::mailbox,
            &mailbox_command},
    Command{"mailq", Purpose::Mail, "list the queue, even while smtpd is stopped",
            usage::pennypost_mailq, &mailq},
    Command{"migrate", Purpose::Peers, "bring the configuration or the mail of another server here",
            usage::migrate, &migrate},
    Command{"move", Purpose::Mailboxes, "move messages to another folder", usage::move,
            &move_command},
    Command{"newaliases", Purpose::Settings, "build the tables of alias_database",
            usage::newaliases, &newaliases},
    Command{"postalias", Purpose::Settings, "build, query or list a table of aliases",
            usage::postalias, &postalias},
    Command{"postcat", Purpose::Mail, "show messages of the queue", usage::postcat, &postcat},
    Command{"postconf", Purpose::Settings, "show and change settings", usage::postconf, &postconf},
    Command{"postfix", Purpose::Peers, "start, stop and the like, as in Postfix", usage::postfix,
            &postfix},
    Command{"postlog", Purpose::Peers, "write lines to the log, as in Postfix", usage::postlog,
            &postlog},
    Command{"postmap", Purpose::Settings, "build, query or list a look-up table", usage::postmap,
            &postmap},
    Command{"postsuper", Purpose::Mail, "remove, hold, release or requeue messages",
            usage::postsuper, &postsuper},
    Command{"pw", Purpose::Users, "make the stored form of a password, or check one", usage::pw,
            &pw},
    Command{"queue", Purpose::Mail, "show the queue's mail by domain and age", usage::queue,
            &queue},
    Command{"quota", Purpose::Users, "show and count what mailboxes hold and may hold",
            usage::quota, &quota},
    Command{"reload", Purpose::Run, "make the daemons reload their configuration", usage::service,
            &reload_command},
    Command{"report", Purpose::Run, "show what a report of a problem needs, without secrets",
            usage::report, &report},
    Command{"reports", Purpose::Run, "tell who sends in our name, by what other hosts report",
            usage::reports, &reports},
    Command{"restore", Purpose::Run, "bring back a backup, or mail of one user from it",
            usage::restore, &restore},
    Command{"route", Purpose::Mail, "tell where mail to an address goes, and why", usage::route,
            &route},
    Command{"search", Purpose::Mailboxes, "find messages", usage::search, &search_command},
    Command{"setup", Purpose::Run, "set up this host: settings, certificate, user, a first message",
            usage::setup, &setup},
    Command{"sieve", Purpose::Users,
            "check mail filters, show what they would do, and keep those of users", usage::sieve,
            &sieve},
    Command{"start", Purpose::Run, "start the daemons", usage::service, &start_command},
    Command{"status", Purpose::Run, "show which daemons run", usage::service, &status_command},
    Command{"stop", Purpose::Run, "make the daemons finish their work and stop", usage::service,
            &stop_command},
    Command{"throttle", Purpose::Users, "list clients with wrong passwords, and lift blocks",
            usage::throttle, &throttle},
    Command{"top", Purpose::Run, "show what is going on now", usage::top, &top},
    Command{"trace", Purpose::Run, "show what clients and servers say, as it happens", usage::trace,
            &trace},
    Command{"user", Purpose::Users, "add, change, remove and list own users", usage::user, &user},
    Command{"where", Purpose::Mail, "tell what became of a message", usage::where, &where},
    Command{"who", Purpose::Users, "show who is logged in", usage::who, &who},
};
static_assert(std::ranges::is_sorted(commands, {}, &Command::name));

const Command* find(std::string_view name) {
  auto found = std::ranges::find(commands, name, &Command::name);
  return found == commands.end() ? nullptr : &*found;
}

int show_commands(std::ostream& out, int status) {
  out << "usage: pennypost [-c DIR] COMMAND [ARGUMENT]...\n";
  for (const auto& [purpose, title] : purpose_titles) {
    out << "\n" << title << "\n";
    for (const Command& command : commands) {
      if (command.purpose != purpose) continue;
      out << "  " << std::left << std::setw(12) << command.name << command.what << "\n";
    }
  }
  out << "\nCOMMAND --help shows its arguments.\n";
  return status;
}

/// For the shell: the words that may follow those in `args`, of which the last is being typed.
int complete(std::span<const std::string> args, std::ostream& out) {
  std::vector<CommandWords> known;
  known.reserve(commands.size());
  for (const Command& command : commands) known.push_back({command.name, command.usage});
  for (const auto& word : completions(known, args)) out << word << "\n";
  return 0;
}

int wrong_call() { return show_commands(std::cerr, 64); }  // EX_USAGE

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> args(argv, argv + argc);
  if (args.empty()) return wrong_call();
  std::string name = std::filesystem::path(args[0]).filename();
  args.erase(args.begin());
  if (!args.empty() && args[0] == "--complete")
    return complete(std::span(args).subspan(1), std::cout);
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
