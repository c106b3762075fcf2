// Answers the commands that administrators of Postfix and Dovecot know by heart.
//
//   postfix [-c DIR] start|stop|abort|reload|status|check|flush|logrotate
//   postlog [-c DIR] [-i] [-p PRIORITY] [-t TAG] [TEXT]...
//   doveadm [-c DIR] VERB [ARGUMENT]...
//   doveconf [-c DIR] [-a | -n | -d] [-h] [-x] [SETTING]...
//
// postfix and doveadm run our command for the same thing, with its output and its exit status.
// For what has another name or place here they say which, and end with 64. doveadm knows:
//
//   reload, stop, config      the same as pennypost reload and stop, and postconf
//   user [-u] PATTERN         accounts: `*` lists own users; a name shows uid, gid, home and mail
//   pw [-s ARGON2ID] [-p PW]  a password as it is stored; asked for if -p is missing
//   penalty, service status   the same as pennypost throttle list and status
//
// postlog writes TEXT, or each line of standard input, to the log that main.toml names, tagged
// `$syslog_name/postlog` or as -t says; PRIORITY is info, warn, error, fatal or panic.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int postfix(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int postlog(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int doveadm(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int doveconf(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
