// NAME
//   smtpd - Pennypost's mail transfer agent
//
// SYNOPSIS
//   smtpd [-c DIR] [-o name=value]... [-t]
//
// DESCRIPTION
//   Accepts mail over SMTP on smtp_port (25), submission_port (587) and submissions_port (465),
//   over LMTP where a [service.NAME] says so, and from sendmail(1), keeps it in a queue that
//   survives power cuts, and delivers it: to mailboxes of this host, or to other servers by SMTP or
//   LMTP. One setting, role, makes it a null client, a relay, or the place where mail ends.
//
//   Its processes, each with one privilege:
//
//   master    binds ports, starts and restarts the others
//   receive   speaks SMTP with clients; can read no file and name no account
//   auth      checks passwords (where this host has users)
//   lookup    knows tables and users; says who exists, and where an address leads
//   queue     owns the queue: commits, schedules, retries, reports
//   send      speaks SMTP and LMTP with other servers
//   deliver   writes into mailboxes, as the recipient's user
//   metrics   shows the figures of all daemons to Prometheus (if metrics_port is set)
//
//   With -t it only tells whether the host's role has this daemon: exit status 0, or 1 and why not.
//
//   Runs in the foreground. SIGHUP reloads, SIGTERM lets sessions end and stops.
//
// STANDARDS
//   RFC 5321 (SMTP), RFC 2033 (LMTP), RFC 6409 (submission), RFC 8314 (implicit TLS), RFC 1870
//   (SIZE), RFC 2920 (PIPELINING), RFC 3030 (CHUNKING), RFC 3207 (STARTTLS), RFC 3461 and 3464
//   (DSN), RFC 4954 (AUTH), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 8689 (REQUIRETLS)
//
// FILES
//   /etc/pennypost/main.toml, /var/spool/pennypost
//
// DIAGNOSTICS
//   Logs to syslog or maillog_file. Exit status: 0 after SIGTERM, 64 for a wrong command line, 71
//   when the system refuses something, 78 for a wrong configuration.
//
// SEE ALSO
//   popd(8), imapd(8), pennypost(1), sendmail(1), parameters(5)
#include "common/process/daemon.h"
#include "smtpd/process/table.h"

int main(int argc, char** argv) {
  return pennypost::run_daemon(pennypost::smtp::process_table(), argc, argv);
}
