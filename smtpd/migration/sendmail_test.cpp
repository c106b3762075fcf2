#include "smtpd/migration/sendmail.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "smtpd/migration/sendmail_source.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// A directory of Sendmail's, and what becomes of it.
class Mail {
 public:
  explicit Mail(std::map<std::string, std::string> files) : made("/etc/pennypost") {
    auto read = [&](const std::string& name) -> Result<std::optional<std::string>> {
      auto found = files.find(name);
      return found == files.end() ? std::optional<std::string>() : found->second;
    };
    REQUIRE(read_sendmail(read, made));
    toml = made.main_toml();
  }
  std::string table(const std::string& name) const {
    auto found = made.tables().find(name);
    return found == made.tables().end() ? "none" : found->second.text;
  }
  bool has(const std::string& line) const { return toml.find(line + "\n") != std::string::npos; }
  std::string unmatched() const {
    std::string all;
    for (const auto& one : made.unmatched()) {
      all += one.place.file + ":" + std::to_string(one.place.line) + ": " + one.text + ": " +
             one.reason + "\n";
    }
    return all;
  }
  bool tells(const std::string& text) const { return unmatched().find(text) != std::string::npos; }

  Migration made;
  std::string toml;
};

/// sendmail.mc with these features and lines, and all that makes Sendmail as strict as it is.
std::string mc(std::string_view lines) {
  return "OSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\n" + std::string(lines) +
         "\nMAILER(`smtp')dnl\n";
}

}  // namespace

TEST_CASE("Sendmail's access becomes tables of clients, senders and recipients") {
  Mail mail({{"sendmail.mc", mc("FEATURE(`access_db')\nFEATURE(`blocklist_recipients')")},
             {"access",
              "# comment\n"
              "Connect:192.168\t\tRELAY\n"
              "Connect:192.168.7.\tSKIP\n"
              "Connect:IPv6:2001:db8\tRELAY\n"
              "Connect:Spam.example\tREJECT\n"
              "From:spam@example.org\tERROR:5.7.1:550 go away\n"
              "From:good.example\tOK\n"
              "To:friend.example\tRELAY\n"
              "To:one@other.example\tRELAY\n"
              "To:ann@\t\tERROR:\"550 Mailbox disabled\"\n"
              "10.1\tOK\n"
              "plain.example\tDISCARD\n"
              "spam.example\tOK\n"
              "who@plain.example\t\"553 no\"\n"
              "both.example\tRELAY\n"
              "odd.example\tQUARANTINE:looks odd\n"}});
  CHECK(mail.table("access_client") ==
        "192.168\tRELAY\n192.168.7\tDUNNO\n2001:db8::/32\tRELAY\nspam.example\tREJECT\n"
        "10.1\tOK\nplain.example\tDISCARD\nboth.example\tRELAY\nodd.example\tHOLD looks odd\n");
  CHECK(mail.table("access_sender") ==
        "spam@example.org\t550 5.7.1 go away\ngood.example\tOK\nplain.example\tDISCARD\n"
        "spam.example\tOK\nwho@plain.example\t553 no\nboth.example\tOK\n"
        "odd.example\tHOLD looks odd\n");
  CHECK(mail.table("access_recipient") ==
        "ann@\t550 Mailbox disabled\nplain.example\tDISCARD\nspam.example\tOK\n"
        "who@plain.example\t553 no\nodd.example\tHOLD looks odd\n");
  CHECK(mail.table("relay_domains") == "friend.example\tOK\nboth.example\tOK\n");
  CHECK(mail.table("access_relay") == "one@other.example\tOK\n");
  CHECK(
      mail.has("smtpd_client_restrictions = \"check_client_access "
               "hash:/etc/pennypost/access_client\""));
  CHECK(mail.has("relay_domains = \"hash:/etc/pennypost/relay_domains\""));
  CHECK(mail.unmatched().empty());
}

TEST_CASE("what access says and has no counterpart is named with its line") {
  Mail mail({{"sendmail.mc", mc("FEATURE(`access_db')")},
             {"access",
              "Connect:[192.0.2.1] OK\n.example.org REJECT\nFrom:me@example.org RELAY\n"
              "GreetPause:10 0\nClientConn: 7\nClientRate:10.1 3\nTo:ann@ RELAY\nWhat:x OK\n"
              "a.example perhaps\nConnect:300.1 REJECT\nSpam:ann@ FRIEND\n"}});
  for (int line : {1, 2, 3, 4, 6, 7, 8, 9, 10, 11}) {
    CAPTURE(line);
    CHECK(mail.tells("access:" + std::to_string(line) + ": "));
  }
  CHECK_FALSE(mail.tells("access:5: "));
  CHECK(mail.has("smtpd_client_connection_count_limit = 7"));
  CHECK(mail.made.unmatched().size() == 10);
}

TEST_CASE("a message of access begins with its code and status, whichever way it is written") {
  struct Row {
    const char* written;
    const char* access;
    const char* transport;
  };
  for (const auto& row : {
           Row{"550 text", "550 text", "error:5.0.0 text"},
           Row{"5.7.1:550 text", "550 5.7.1 text", "error:5.7.1 text"},
           Row{"5.7.1:text here", "550 5.7.1 text here", "error:5.7.1 text here"},
           Row{"4.2.2:450 full", "450 4.2.2 full", "error:4.2.2 full"},
           Row{"4.2.2:full", "450 4.2.2 full", "error:4.2.2 full"},
           Row{"5.7.1:450 text", "450 text", "error:4.0.0 text"},
           Row{"5.7.1:\"550 a b\"", "550 5.7.1 a b", "error:5.7.1 a b"},
           Row{"nouser 550 No such user", "550 5.1.1 No such user", "error:5.1.1 No such user"},
           Row{"nouser No such user", "550 5.1.1 No such user", "error:5.1.1 No such user"},
           Row{"tempfail later", "450 4.3.0 later", "error:4.3.0 later"},
           Row{"550", "550", "error:5.0.0 mail for this address is refused"},
       }) {
    CAPTURE(row.written);
    auto error = parse_sendmail_error(row.written);
    CHECK(error.for_access() == row.access);
    CHECK(error.for_transport() == row.transport);
  }
}

TEST_CASE("Sendmail's mailertable becomes transport_maps") {
  Mail mail({{"sendmail.mc", mc("FEATURE(`mailertable')\nFEATURE(`use_cw_file')")},
             {"local-host-names", "Own.example  # ours\n"},
             {"mailertable",
              "one.example\tsmtp:[10.0.0.1]\n.two.example\tesmtp:mx.two.example\n"
              "three.example\trelay:hub.example.\nfour.example\terror:5.7.0:550 no mail there\n"
              "five.example\tlocal:ann\nsix.example\tlocal:\nseven.example\tdiscard:\n"
              ".\tsmtp:smart.example\n.eight.example\tsmtp:%1.example\nnine.example\tuucp-dom:x\n"
              "own.example\tsmtp:x\nten.example\tsmtp\n.eleven.example\tlocal:\n"}});
  CHECK(mail.table("transport") ==
        "one.example\tsmtp:[10.0.0.1]\n.two.example\tsmtp:mx.two.example\n"
        "three.example\trelay:hub.example\nfour.example\terror:5.7.0 no mail there\n"
        "seven.example\tdiscard:\n*\tsmtp:smart.example\n");
  CHECK(mail.table("virtual") == "@five.example\tann\n");
  CHECK(mail.table("virtual-domains") == "five.example\n");
  CHECK(mail.table("local-host-names") == "own.example\nsix.example\n");
  CHECK(
      mail.has("mydestination = \"$myhostname, localhost.$mydomain, localhost, "
               "/etc/pennypost/local-host-names\""));
  for (int line : {9, 10, 11, 12, 13}) {
    CAPTURE(line);
    CHECK(mail.tells("mailertable:" + std::to_string(line) + ": "));
  }
  CHECK(mail.made.unmatched().size() == 5);
}

TEST_CASE("Sendmail's virtusertable becomes virtual aliases") {
  Mail mail({{"sendmail.mc", mc("FEATURE(`virtusertable')\nVIRTUSER_DOMAIN(`hosted.example')")},
             {"virtusertable",
              "info@one.example\tone-info\n@one.example\tann@example.net\n"
              "joe@one.example\terror:nouser 550 No such user here\n"
              "sam@two.example\t%1@example.net\n@two.example\t%1@example.org\n"
              "info@three.example\tthree\n@three.example\terror:5.7.0:550 Address invalid\n"
              "x@hosted.example\tbob\n@hosted.example\terror:nouser 550 Nobody\n"
              "wrong\tx\n"}});
  CHECK(mail.table("virtual") ==
        "x@hosted.example\tbob\n"
        "info@one.example\tone-info\njoe@one.example\tjoe@one.example\n"
        "@one.example\tann@example.net\n"
        "info@three.example\tthree\n"
        "sam@two.example\tsam@example.net\n@two.example\t@example.org\n");
  CHECK(mail.table("transport") ==
        "joe@one.example\terror:5.1.1 No such user here\n"
        "three.example\terror:5.7.0 Address invalid\n");
  CHECK(mail.table("virtual-domains") == "hosted.example\n");
  CHECK(mail.table("virtual_patterns") == "none");
  CHECK(mail.unmatched() ==
        "virtusertable:10: wrong x: expected `user@domain value` or `@domain value`\n");
}

TEST_CASE("parts of addresses in virtusertable become patterns, in Sendmail's order") {
  Mail mail({{"sendmail.mc", mc("FEATURE(`virtusertable')")},
             {"virtusertable",
              "@foo.example\tall-%1$x@example.com\n"
              "+*@foo.example\t%1%3@example.com\n"
              "a.b@foo.example\tab\n"
              "gone@foo.example\terror:nouser gone\n"
              "old+*@foo.example\tnew+%2@example.com\n"
              "old++@foo.example\tmore-%2\n"
              "bad@foo.example\t%4\n"}});
  CHECK(mail.table("virtual_patterns") ==
        "/^(a\\.b)(\\+([^@]*))?@foo\\.example$/\tab\n"
        "/^(gone)(\\+([^@]*))?@foo\\.example$/\t$1@foo.example\n"
        "/^(old)(\\+([^@]+))@foo\\.example$/\tmore-$3\n"
        "/^(old)(\\+([^@]*))@foo\\.example$/\tnew+$3@example.com\n"
        "/^([^+@]*)(\\+([^@]*))@foo\\.example$/\t$1$2@example.com\n"
        "/^([^+@]*)(\\+([^@]*))?@foo\\.example$/\tall-$1$$x@example.com\n");
  CHECK(mail.table("virtual") == "none");
  CHECK(mail.table("transport") == "gone@foo.example\terror:5.1.1 gone\n");
  CHECK(mail.has("virtual_alias_maps = \"pcre:/etc/pennypost/virtual_patterns\""));
  CHECK(mail.made.unmatched().size() == 1);
}

TEST_CASE("Sendmail's names, domaintable, genericstable and aliases become lists and tables") {
  Mail mail({{"sendmail.mc", mc("FEATURE(`use_cw_file')\nFEATURE(`domaintable')\n"
                                "FEATURE(`genericstable')\nGENERICS_DOMAIN(`lan.example')\n"
                                "FEATURE(`masquerade_envelope')")},
             {"local-host-names", "new.example\n[192.0.2.1]\nnot_a..domain\n"},
             {"relay-domains", "10.0\nIPv6:2001:db8:1\ncustomer.example # and its hosts\n"},
             {"domaintable", "old.example new.example\nolder.example customer.example\nx\n"},
             {"genericstable",
              "ann Ann.Example@example.com\nbob@lan.example b@example.com\n"
              "@lan.example %1@example.com\nc@else.example c@example.com\n"
              "d+*@lan.example d@example.com\n"},
             {"trusted-users", "# nobody\nwww\n"},
             {"aliases", "root: ann\nstaff: ann,\n  bob\nbroken\nlist: <x\n# comment\n"}});
  CHECK(mail.table("local-host-names") == "new.example\nold.example\n");
  CHECK(mail.table("access_client") ==
        "10.0\tRELAY\n2001:db8:1::/48\tRELAY\ncustomer.example\tRELAY\n");
  CHECK(mail.table("relay_domains") == "customer.example\tOK\nolder.example\tOK\n");
  CHECK(mail.table("canonical") ==
        "@old.example\t@new.example\n@older.example\t@customer.example\n");
  CHECK(mail.table("generic") ==
        "ann\tAnn.Example@example.com\nann@lan.example\tAnn.Example@example.com\n"
        "bob@lan.example\tb@example.com\n@lan.example\t@example.com\n"
        "c@else.example\tc@example.com\n");
  CHECK(mail.table("aliases") == "root: ann\nstaff: ann,\n  bob\n");
  CHECK(mail.has("alias_maps = \"hash:/etc/pennypost/aliases\""));
  CHECK(mail.has("sender_canonical_maps = \"hash:/etc/pennypost/generic\""));
  CHECK(mail.has("sender_canonical_classes = \"header_sender, envelope_sender\""));
  for (const char* place :
       {"local-host-names:3: ", "domaintable:3: ", "genericstable:4: ", "genericstable:5: ",
        "trusted-users:0: ", "aliases:4: broken", "aliases:5: list: <x"}) {
    CAPTURE(place);
    CHECK(mail.tells(place));
  }
  CHECK(mail.made.unmatched().size() == 7);
}

TEST_CASE("sendmail.mc's macros become settings") {
  Mail mail({{"sendmail.mc",
              mc("define(`SMART_HOST', `relay:[smtp.example.com]')\n"
                 "define(`RELAY_MAILER_ARGS', `TCP $h 587')\n"
                 "define(`confMAX_MESSAGE_SIZE', `20000000')\n"
                 "define(`confTO_QUEUERETURN', `4')\ndefine(`confTO_QUEUEWARN', `1h30m')\n"
                 "define(`confTO_COMMAND', `2m')\n"
                 "define(`confPRIVACY_FLAGS', ``authwarnings,novrfy,needmailhelo,noreceipts'')\n"
                 "define(`confAUTH_MECHANISMS', `PLAIN LOGIN CRAM-MD5')\n"
                 "define(`confAUTH_OPTIONS', `A p')\n"
                 "define(`confDOMAIN_NAME', `$w.Foo.COM')\n"
                 "define(`confMAX_HOP', `many')\ndefine(`confUNKNOWN', `x')\n"
                 "define(`confDOMAIN_NAME', `mail.example.org')\n"
                 "DAEMON_OPTIONS(`Port=smtp,Addr=127.0.0.1, Name=MTA')\n"
                 "DAEMON_OPTIONS(`Port=submission, Addr=192.0.2.1, Name=MSA, M=Ea')\n"
                 "DAEMON_OPTIONS(`Port=2525, Addr=192.0.2.1')\n"
                 "FEATURE(`dnsbl', `bl.example.org', `', `t')\n"
                 "FEATURE(`enhdnsbl', `two.example.org', `', `t', `127.0.0.2.', `127.0.0.3.')\n"
                 "FEATURE(`local_procmail')\nFEATURE(`relay_based_on_MX')\n"
                 "FEATURE(`accept_unresolvable_domains')\nFEATURE(`unheard_of')\n"
                 "FEATURE(`greet_pause', `5000')\nINPUT_MAIL_FILTER(`f', `S=local:/x')\n"
                 "LOCAL_CONFIG\nKx hash /etc/x\n")}});
  for (const char* line : {
           "relayhost = \"[smtp.example.com]:587\"",
           "message_size_limit = \"20000000\"",
           "maximal_queue_lifetime = \"345600s\"",
           "delay_warning_time = \"5400s\"",
           "smtpd_timeout = \"120s\"",
           "disable_vrfy_command = \"yes\"",
           "smtpd_helo_required = \"yes\"",
           "auth_mechanisms = \"plain, login\"",
           "smtpd_sasl_auth_enable = \"yes\"",
           "smtpd_tls_auth_only = \"yes\"",
           "myhostname = \"mail.example.org\"",
           "inet_interfaces = \"127.0.0.1, 192.0.2.1\"",
           "submission_port = 587",
           "mailbox_command = \"/usr/bin/procmail -a \\\"$EXTENSION\\\"\"",
           "smtpd_client_restrictions = \"permit_mynetworks, permit_sasl_authenticated, "
           "reject_rbl_client bl.example.org, reject_rbl_client two.example.org=127.0.0.2, "
           "reject_rbl_client two.example.org=127.0.0.3\"",
           "smtpd_sender_restrictions = \"reject_non_fqdn_sender\"",
           "protocols = \"none\"",
       }) {
    CAPTURE(line);
    CAPTURE(mail.toml);
    CHECK(mail.has(line));
  }
  CHECK(mail.toml.find("permit_mx_backup, reject_unauth_destination") != std::string::npos);
  for (const char* told :
       {"noreceipts", "CRAM-MD5", "hopcount_limit", "confUNKNOWN", "Port=2525", "unheard_of",
        "greet_pause", "name the milter in smtpd_milters", "Kx hash /etc/x"}) {
    CAPTURE(told);
    CHECK(mail.tells(told));
  }
  CAPTURE(mail.unmatched());
  CHECK(mail.made.unmatched().size() == 9);
}

TEST_CASE("Sendmail's masquerading becomes sender_canonical_maps, but for exposed users") {
  Mail mail({{"sendmail.mc", mc("MASQUERADE_AS(`example.com')\nMASQUERADE_DOMAIN(`lan.example')\n"
                                "MASQUERADE_EXCEPTION(`web.lan.example')\nEXPOSED_USER(`root')\n"
                                "FEATURE(`masquerade_entire_domain')\nFEATURE(`allmasquerade')\n"
                                "LOCAL_DOMAIN(`own.example')")}});
  CHECK(mail.table("masquerade") ==
        "@web.lan.example\t@web.lan.example\nroot@lan.example\troot@lan.example\n"
        "@lan.example\t@example.com\nroot@own.example\troot@own.example\n"
        "@own.example\t@example.com\n");
  CHECK(mail.table("masquerade_domains") ==
        "/^(.*)@((.*\\.)?web\\.lan\\.example)$/\t$1@$2\n"
        "/^(root)@(.*\\.lan\\.example)$/\t$1@$2\n/^(.*)@(.*\\.lan\\.example)$/\t$1@example.com\n");
  CHECK(
      mail.has("sender_canonical_maps = \"pcre:/etc/pennypost/masquerade_domains, "
               "hash:/etc/pennypost/masquerade, "
               "inline:{root@$myhostname=root@$myhostname, @$myhostname=@example.com}\""));
  CHECK(mail.has("sender_canonical_classes = \"header_sender\""));
  CHECK(mail.has("recipient_canonical_classes = \"header_recipient\""));
  CHECK(mail.unmatched().empty());
}

TEST_CASE("Sendmail's null client becomes ours, and reads no table") {
  Mail mail({{"sendmail.mc",
              "FEATURE(`nullclient', `[hub.example.com]')\nMASQUERADE_AS(`example.com')\n"},
             {"access", "Connect:10 RELAY\n"}});
  CHECK(mail.has("role = \"null-client\""));
  CHECK(mail.has("relayhost = \"[hub.example.com]\""));
  CHECK(mail.has("myorigin = \"example.com\""));
  CHECK(mail.made.tables().empty());
  CHECK(mail.unmatched().empty());
}

TEST_CASE(
    "a table that sendmail.mc does not use is left out, and one under another name is found") {
  Mail mail({{"sendmail.mc", mc("FEATURE(`virtusertable', `hash -o /etc/mail/users.db')\n"
                                "FEATURE(`mailertable', `LDAP')")},
             {"users", "a@b.example c\n"},
             {"mailertable", "x.example smtp:y\n"},
             {"access", "Connect:10 RELAY\n"}});
  CHECK(mail.table("virtual") == "a@b.example\tc\n");
  CHECK(mail.table("transport") == "none");
  CHECK(mail.table("access_client") == "none");
  CHECK(mail.tells("access:0: : sendmail.mc has no FEATURE(`access_db')"));
  CHECK(mail.tells("FEATURE(`mailertable', `LDAP')"));
}

TEST_CASE("without sendmail.mc all tables are read, and it is said what is not known") {
  Mail mail({{"access", "Connect:10 RELAY\n"}, {"virtusertable", "a@b.example c\n"}});
  CHECK(mail.table("access_client") == "10\tRELAY\n");
  CHECK(mail.table("virtual") == "a@b.example\tc\n");
  CHECK(mail.tells("sendmail.mc:0: "));
}
