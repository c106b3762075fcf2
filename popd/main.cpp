// NAME
//   popd - Pennypost's POP3 server
//
// SYNOPSIS
//   popd [-c DIR] [-o name=value]... [-t]
//
// DESCRIPTION
//   Serves the mail of own users and system users over POP3 on pop3_port (110, STLS) and pop3s_port
//   (995, TLS from the first byte). Before a client is known it talks to a process that can read no
//   file; then the connection goes to a worker that runs as the account's own user.
//
//   A session sees the mailbox as it was at login. Unique ids are made of the UIDs that IMAP shows,
//   so they are the same over sessions, restarts, and both protocols. DELE takes effect at QUIT
//   alone.
//
//   With -t it only tells whether the host's role has this daemon: exit status 0, or 1 and why not.
//
//   Runs in the foreground. SIGHUP reloads, SIGTERM lets sessions end and stops.
//
// STANDARDS
//   RFC 1939 (POP3), RFC 2449 (CAPA), RFC 2595 (STLS), RFC 3206 (AUTH and SYS codes), RFC 5034
//   (SASL), RFC 6856 (UTF8, LANG), RFC 8314 (implicit TLS)
//
// FILES
//   /etc/pennypost/main.toml
//
// DIAGNOSTICS
//   Logs to syslog or maillog_file. Exit status: 0 after SIGTERM, 64 for a wrong command line, 71
//   when the system refuses something, 78 for a wrong configuration.
//
// SEE ALSO
//   imapd(8), smtpd(8), pennypost(1), parameters(5)
#include "common/process/daemon.h"
#include "popd/process.h"
#include "store/login/mailbox_daemon.h"

int main(int argc, char** argv) {
  using namespace pennypost;
  store::MailboxDaemon popd;
  popd.name = "popd";
  popd.services = {Service::Pop3, Service::Pop3s};
  popd.run_login = pop::run_login;
  popd.run_worker = pop::run_worker;
  return run_daemon(store::mailbox_daemon(std::move(popd)), argc, argv);
}
