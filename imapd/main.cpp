// NAME
//   imapd - Pennypost's IMAP server
//
// SYNOPSIS
//   imapd [-c DIR] [-o name=value]... [-t]
//
// DESCRIPTION
//   Serves the mail of own users and system users over IMAP4rev1 on imap_port (143, STARTTLS) and
//   imaps_port (993, TLS from the first byte). Before a client is known it talks to a process that
//   can read no file; then the connection goes to a worker that runs as the account's own user.
//
//   If protocols names sieve, it also serves each user's Sieve scripts over ManageSieve on
//   sieve_port (4190, STARTTLS).
//
//   Mailboxes are Maildir++ or mbox, in the formats that Dovecot and mail programs on the host use;
//   both may work on them at the same time. An idling client is told of new mail at once.
//
//   `imapd admin` is the part of pennypost(1)'s commands for mailboxes that knows mail; it is run
//   by that.
//
//   With -t it only tells whether the host's role has this daemon: exit status 0, or 1 and why not.
//
//   Runs in the foreground. SIGHUP reloads: sessions go on, new ones have the new settings. SIGTERM
//   tells idle clients BYE, lets commands end, and stops.
//
// STANDARDS
//   RFC 3501 (IMAP4rev1), RFC 9051 (IMAP4rev2), RFC 2177 (IDLE), RFC 2342 (NAMESPACE), RFC 2971
//   (ID), RFC 3348 (CHILDREN), RFC 3502 (MULTIAPPEND), RFC 3516 (BINARY), RFC 3691 (UNSELECT), RFC
//   4314 (ACL), RFC 4315 (UIDPLUS), RFC 4469 (CATENATE), RFC 4731 (ESEARCH), RFC 4959 (SASL-IR),
//   RFC 4978 (COMPRESS), RFC 5032 (WITHIN), RFC 5161 (ENABLE), RFC 5182 (SEARCHRES), RFC 5255
//   (I18NLEVEL=1), RFC 5256 (SORT, THREAD), RFC 5258 (LIST-EXTENDED), RFC 5267 (ESORT, CONTEXT),
//   RFC 5464 (METADATA), RFC 5465 (NOTIFY), RFC 5530 (response codes), RFC 5550 (URL-PARTIAL), RFC
//   5804 (ManageSieve), RFC 5819 (LIST-STATUS), RFC 5957 (SORT=DISPLAY), RFC 6154 (SPECIAL-USE),
//   RFC 6851 (MOVE), RFC 6855 (UTF8=ACCEPT), RFC 7162 (CONDSTORE, QRESYNC), RFC 7377
//   (MULTISEARCH), RFC 7888 (LITERAL+, LITERAL-), RFC 7889 (APPENDLIMIT), RFC 8314 (implicit TLS),
//   RFC 8437 (UNAUTHENTICATE), RFC 8438 (STATUS=SIZE), RFC 8440 (LIST-MYRIGHTS), RFC 8474
//   (OBJECTID), RFC 8508 (REPLACE), RFC 8514 (SAVEDATE), RFC 8970 (PREVIEW), RFC 9208 (QUOTA), RFC
//   9394 (PARTIAL), RFC 9585 (INPROGRESS), RFC 9586 (UIDONLY), RFC 9590 (LIST-METADATA), RFC 10022
//   (UIDBATCHES)
//
// FILES
//   /etc/pennypost/main.toml
//
// DIAGNOSTICS
//   Logs to syslog or maillog_file. Exit status: 0 after SIGTERM, 64 for a wrong command line, 71
//   when the system refuses something, 78 for a wrong configuration.
//
// SEE ALSO
//   popd(8), smtpd(8), pennypost(1), parameters(5)
#include <string>
#include <string_view>
#include <vector>

#include "common/process/daemon.h"
#include "imapd/admin/admin.h"
#include "imapd/command/event_scripts.h"
#include "imapd/process.h"
#include "store/login/mailbox_daemon.h"

int main(int argc, char** argv) {
  using namespace pennypost;
  if (argc > 1 && std::string_view(argv[1]) == "admin") {
    const std::vector<std::string> arguments(argv + 2, argv + argc);
    return imap::administer(arguments);
  }
  store::MailboxDaemon imapd;
  imapd.name = "imapd";
  imapd.services = {Service::Imap, Service::Imaps, Service::Sieve};
  imapd.run_login = imap::run_login;
  imapd.run_worker = imap::run_worker;
  imapd.runs_programs = imap::runs_programs;
  imapd.sets_quota = true;
  return run_daemon(store::mailbox_daemon(std::move(imapd)), argc, argv);
}
