#include "smtpd/commands/peer_names.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <optional>
#include <ostream>
#include <vector>

#include "common/base/secret.h"
#include "common/base/text.h"
#include "common/base/words.h"
#include "common/config/config.h"
#include "common/log/log.h"
#include "smtpd/commands/auth_check.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/mailboxes.h"
#include "smtpd/commands/postconf.h"
#include "smtpd/commands/postqueue.h"
#include "smtpd/commands/pw.h"
#include "smtpd/commands/quota.h"
#include "smtpd/commands/service.h"
#include "smtpd/commands/throttle.h"
#include "smtpd/commands/usage.h"
#include "smtpd/commands/usage_mail.h"
#include "smtpd/commands/who.h"
#include "store/accounts/accounts.h"
#include "store/accounts/own_users.h"

namespace pennypost::smtp {
namespace {

using Words = std::vector<std::string>;
using Run = int (*)(std::span<const std::string> args, std::ostream& out, std::ostream& err);

/// A command line that begins with `-c DIR` for ours.
struct Call {
  Words of_directory;  // empty, or -c DIR
  std::string verb;
  Words rest;

  Words with(Words more) const {
    more.insert(more.begin(), of_directory.begin(), of_directory.end());
    return more;
  }
};

/// Takes `-c DIR` and flags from before the verb; nothing if there is no verb.
std::optional<Call> parse(std::span<const std::string> args, std::string_view flags) {
  Call call;
  std::size_t i = 0;
  for (; i < args.size() && args[i].starts_with('-'); ++i) {
    if (args[i] == "-c" && i + 1 < args.size()) {
      call.of_directory = {"-c", args[++i]};
    } else if (args[i].size() != 2 || flags.find(args[i][1]) == flags.npos) {
      return {};
    }
  }
  if (i == args.size()) return {};
  call.verb = args[i];
  call.rest.assign(args.begin() + static_cast<std::ptrdiff_t>(i) + 1, args.end());
  return call;
}

/// What another program's command is called here.
struct Elsewhere {
  std::string_view verb;
  std::string_view here;
};

int refuse(std::string_view program, const std::string& verb, std::span<const Elsewhere> known,
           std::string_view usage, std::ostream& err) {
  auto found = std::ranges::find(known, verb, &Elsewhere::verb);
  if (found != known.end()) {
    err << program << " " << verb << ": " << found->here << "\n";
  } else {
    err << program << ": unknown command \"" << printable(verb, 100) << "\"\n" << usage << "\n";
  }
  return ex_usage;
}

int flush(const Call& call, std::ostream& out, std::ostream& err) {
  return postqueue(call.with({"-f"}), out, err);
}

constexpr std::array postfix_elsewhere{
    Elsewhere{"start-fg",
              "each daemon runs in the foreground if started by name: smtpd, popd, "
              "imapd"},
    Elsewhere{"set-permissions",
              "pennypost check names what is wrong, with the command that "
              "mends it"},
    Elsewhere{"upgrade-configuration",
              "there is nothing to upgrade; pennypost check says if "
              "main.toml is well"},
    Elsewhere{"tls", "the certificate is set by smtpd_tls_cert_file and smtpd_tls_key_file"},
};

constexpr std::array doveadm_elsewhere{
    Elsewhere{"force-resync",
              "imapd notices by itself what has changed; an index that is removed while imapd is "
              "stopped is made again"},
    Elsewhere{"log", "maillog_file says where the log is; postfix logrotate opens it again"},
};

constexpr std::array<std::string_view, 4> doveconf_flags{"-n", "-d", "-h", "-x"};

/// The Severity of postlog's name for it; -1 if there is none.
int severity_of(const std::string& priority) {
  constexpr std::array names{"info", "warn", "error", "fatal", "panic"};
  auto found = std::ranges::find(names, priority);
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

/// Shows the account of a login as `doveadm user` does; false if there is none.
bool show_account(const store::Accounts& accounts, const std::string& name, std::ostream& out,
                  std::ostream& err) {
  auto account = accounts.by_login(name);
  if (!account) {
    err << "doveadm user: " << account.error().text() << "\n";
    return false;
  }
  if (!*account) {
    err << "doveadm user: " << printable(name, 100) << ": no such user\n";
    return false;
  }
  const auto& found = **account;
  out << "field\tvalue\nuid\t" << found.uid << "\ngid\t" << found.gid << "\nhome\t" << found.home
      << "\nmail\t" << found.mail_location << "\n";
  return true;
}

int show_users(const Call& call, std::ostream& out, std::ostream& err) {
  Words patterns = call.rest;
  std::erase(patterns, "-u");
  if (patterns.empty()) {
    err << usage::doveadm << "\n";
    return ex_usage;
  }
  LoadOptions options;
  if (!call.of_directory.empty()) options.directory = call.of_directory[1];
  auto config = load_config(options, err);
  if (!config) return ex_config;
  auto own = store::OwnUsers::open(config);
  auto accounts = store::Accounts::open(config, store::system_users_of(*config));
  if (!own || !accounts) {
    err << "doveadm user: " << (own ? accounts.error() : own.error()).text() << "\n";
    return ex_tempfail;
  }
  int status = 0;
  for (const auto& pattern : patterns) {
    if (pattern.find_first_of("*?") == pattern.npos) {
      if (!show_account(*accounts, pattern, out, err)) status = ex_failed;
      continue;
    }
    auto users = own->list();
    if (!users) {
      err << "doveadm user: " << users.error().text() << "\n";
      return ex_tempfail;
    }
    for (const auto& user : *users) {
      if (fnmatch(pattern.c_str(), user.name.c_str(), 0) == 0) out << user.name << "\n";
    }
  }
  return status;
}

}  // namespace

int postfix(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto call = parse(args, "v");
  if (!call || !call->rest.empty()) {
    err << usage::postfix << "\n";
    return ex_usage;
  }
  struct Verb {
    std::string_view name;
    Run run;
  };
  constexpr std::array verbs{Verb{"abort", &abort_command},      Verb{"check", &check_command},
                             Verb{"logrotate", &reload_command}, Verb{"reload", &reload_command},
                             Verb{"start", &start_command},      Verb{"status", &status_command},
                             Verb{"stop", &stop_command}};
  if (call->verb == "flush") return flush(*call, out, err);
  auto found = std::ranges::find(verbs, call->verb, &Verb::name);
  if (found != verbs.end()) return found->run(call->of_directory, out, err);
  return refuse("postfix", call->verb, postfix_elsewhere, usage::postfix, err);
}

int postlog(std::span<const std::string> args, std::ostream& /*out*/, std::ostream& err) {
  LoadOptions options;
  std::string component = "postlog";
  int priority = 0;
  std::size_t i = 0;
  for (; i < args.size() && args[i].starts_with('-'); ++i) {
    if (args[i] == "-i" || args[i] == "-v") continue;  // the process id is always logged
    const bool has_value = i + 1 < args.size();
    if (args[i] == "-c" && has_value) {
      options.directory = args[++i];
    } else if (args[i] == "-t" && has_value) {
      component = "/" + printable(args[++i], 64);
    } else if (args[i] == "-p" && has_value && severity_of(args[i + 1]) >= 0) {
      priority = severity_of(args[++i]);
    } else {
      err << usage::postlog << "\n";
      return ex_usage;
    }
  }
  auto config = load_config(options, err);
  if (!config) return ex_config;
  LogOptions log;
  log.syslog_name = config->syslog_name;
  log.syslog_facility = config->syslog_facility;
  log.maillog_file = config->maillog_file;
  log.log_format = config->log_format;
  auto opened = open_log(log);
  if (!opened) {
    err << "postlog: fatal: " << opened.error().text() << "\n";
    return ex_cantcreat;
  }
  auto write = [&](const std::string& text) {
    log_sink().write(static_cast<Severity>(priority), component,
                     printable(text, log_line_bytes_max));
  };
  if (i < args.size()) {
    std::string text;
    for (; i < args.size(); ++i) text += (text.empty() ? "" : " ") + args[i];
    write(text);
  } else {
    for (std::string line; std::getline(std::cin, line);) write(line);
  }
  finish_log();
  return 0;
}

int doveadm(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto call = parse(args, "vD");
  if (!call) {
    err << usage::doveadm << "\n";
    return ex_usage;
  }
  struct Verb {
    std::string_view name;
    Run run;
  };
  constexpr std::array verbs{Verb{"acl", &acl_command},
                             Verb{"auth", &auth_command},
                             Verb{"copy", &copy_command},
                             Verb{"expunge", &expunge_command},
                             Verb{"fetch", &fetch_command},
                             Verb{"flags", &flags_command},
                             Verb{"force-resync", &resync_command},
                             Verb{"fts", &fts_command},
                             Verb{"import", &import_command},
                             Verb{"kick", &kick},
                             Verb{"mailbox", &mailbox_command},
                             Verb{"move", &move_command},
                             Verb{"search", &search_command},
                             Verb{"who", &who}};
  auto same = std::ranges::find(verbs, call->verb, &Verb::name);
  if (same != verbs.end()) return same->run(call->with(call->rest), out, err);
  if (call->verb == "user") return show_users(*call, out, err);
  if (call->verb == "pw") return pw(call->rest, out, err);
  if (call->verb == "quota") return quota(call->with(call->rest), out, err);
  if (call->verb == "config") return doveconf(call->with(call->rest), out, err);
  if (call->verb == "service" && call->rest == Words{"status"}) {
    return status_command(call->of_directory, out, err);
  }
  if (call->verb == "penalty") {
    auto arguments = call->of_directory;
    arguments.insert(arguments.begin(), "list");
    return throttle(arguments, out, err);
  }
  if (call->rest.empty() && call->verb == "reload") {
    return reload_command(call->of_directory, out, err);
  }
  if (call->rest.empty() && call->verb == "stop") return stop_command(call->of_directory, out, err);
  int status = refuse("doveadm", call->verb, doveadm_elsewhere, usage::doveadm, err);
  if (!std::ranges::count(doveadm_elsewhere, call->verb, &Elsewhere::verb)) {
    err << usage::doveadm_mail << "\n";
  }
  return status;
}

int doveconf(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  Words ours;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "-a") continue;  // all settings, which is what postconf prints
    if (args[i] == "-c" && i + 1 < args.size()) {
      ours.insert(ours.end(), {"-c", args[++i]});
    } else if (args[i].starts_with('-') && !holds(doveconf_flags, args[i])) {
      err << usage::doveconf << "\n";
      return ex_usage;
    } else if (args[i].find('=') != args[i].npos) {
      err << "doveconf: changes nothing; postconf -e " << printable(args[i], 200) << " does\n";
      return ex_usage;
    } else {
      ours.push_back(args[i]);
    }
  }
  return postconf(ours, out, err);
}

}  // namespace pennypost::smtp
