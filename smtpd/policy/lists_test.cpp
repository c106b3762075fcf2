// The lists of restrictions as a whole: classes, deferrals, stages, codes.
#include <doctest/doctest.h>

#include "smtpd/policy/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE("BCC and REDIRECT name who gets the message, and tell of it") {
  FakeTables tables;
  tables.tables["hash:/a"]["bob@example.com"] = "BCC copy@example.com";
  tables.tables["hash:/b"]["bob@example.com"] = "REDIRECT other@example.com";
  tables.tables["hash:/c"]["bob@example.com"] = "BCC nobody";
  tables.tables["hash:/d"]["bob@example.com"] = "PREPEND no header";
  auto config =
      config_for_test({"smtpd_recipient_restrictions=check_recipient_access hash:/a, "
                       "check_recipient_access hash:/b, "
                       "check_recipient_access hash:/c, check_recipient_access hash:/d"});
  auto verdict = evaluate_recipient(stranger("bob@example.com"), config->at(Service::Smtp), tables);
  CHECK(verdict.code == 250);
  CHECK(verdict.bcc == std::vector<std::string>{"copy@example.com"});
  CHECK(verdict.redirect == "other@example.com");
  CHECK(verdict.prepend.empty());
  std::string about = "<bob@example.com>: Recipient address ";
  CHECK(verdict.notes ==
        std::vector<PolicyNote>{
            {"bcc", about + "triggers BCC copy@example.com", 0, ""},
            {"redirect", about + "triggers REDIRECT other@example.com", 0, ""},
            {"", "an access table says BCC nobody; write BCC user@example.com", 0, ""},
            {"", "an access table says PREPEND no header; write PREPEND Name: text", 0, ""}});
}

TEST_CASE("DISCARD ends all lists: nothing refuses afterwards") {
  FakeTables tables;
  tables.tables["hash:/a"]["192.0.2.9"] = "DISCARD";
  CHECK(answer(stranger("user@dest.example"), tables,
               {"smtpd_client_restrictions=hash:/a", "smtpd_helo_restrictions=reject",
                "smtpd_recipient_restrictions=reject"}) == "250 2.1.5 Ok");
  CHECK(answer(stranger("nobody@example.com"), tables, {"smtpd_client_restrictions=hash:/a"}) ==
        "250 2.1.5 Ok");
}

TEST_CASE("defer_if_permit answers what is permitted, at RCPT and not before") {
  FakeTables tables;
  std::vector<std::string> settings{"smtpd_client_restrictions=defer_if_permit"};
  std::string words =
      "450 4.7.0 <mx.client.example[192.0.2.9]>: Client host rejected: defer_if_permit requested";
  CHECK(answer(stranger("bob@example.com"), tables, settings) == words);
  CHECK(answer(stranger("nobody@example.com"), tables, settings) == words);
  CHECK(answer(stranger("user@dest.example"), tables, settings) ==
        "554 5.7.1 <user@dest.example>: Relay access denied");

  // The first reason is the one that is told.
  CHECK(answer(stranger("bob@example.com"), tables,
               {settings[0], "smtpd_helo_restrictions=defer_if_permit"}) == words);

  settings.emplace_back("smtpd_delay_reject=no");
  auto verdict = verdict_at("smtpd_client_restrictions", stranger(""), tables, settings);
  CHECK(verdict.code == 250);
  auto request = stranger("bob@example.com");
  request.deferral = verdict.deferral;
  CHECK(answer(request, tables, settings) == words);
  request.recipient = "user@dest.example";
  CHECK(answer(request, tables, settings) == "554 5.7.1 <user@dest.example>: Relay access denied");
}

TEST_CASE("defer_if_reject makes a later refusal temporary, in its list alone") {
  CHECK(answer(stranger("bob@example.com"),
               {"smtpd_recipient_restrictions=defer_if_reject, reject"}) ==
        "450 4.7.0 <bob@example.com>: Recipient address rejected: defer_if_reject requested");
  CHECK(answer(stranger("bob@example.com"), {"smtpd_client_restrictions=defer_if_reject",
                                             "smtpd_recipient_restrictions=reject"}) ==
        "554 5.7.1 <bob@example.com>: Recipient address rejected: Access denied");
  CHECK(answer(stranger("bob@example.com"),
               {"smtpd_recipient_restrictions=defer_if_reject, defer_if_permit, reject"}) ==
        "450 4.7.0 <bob@example.com>: Recipient address rejected: defer_if_permit requested");
}

TEST_CASE("a class stands for its list, in settings and in tables") {
  FakeTables tables;
  tables.tables["hash:/a"]["a@sender.example"] = "strict";
  std::vector<std::string> settings{"smtpd_restriction_classes=strict, inner",
                                    "strict=warn_if_reject reject, inner",
                                    "inner=reject_plaintext_session, permit"};
  auto with = [&](const std::string& list) {
    auto all = settings;
    all.push_back(list);
    return all;
  };
  CHECK(answer(stranger("bob@example.com"), tables, with("smtpd_recipient_restrictions=strict")) ==
        "450 4.7.1 Session encryption is required");
  CHECK(answer(stranger("bob@example.com"), tables,
               with("smtpd_sender_restrictions=check_sender_access hash:/a")) ==
        "450 4.7.1 Session encryption is required");
  CHECK(answer(stranger("bob@example.com"), tables,
               with("smtpd_recipient_restrictions=warn_if_reject strict")) == "250 2.1.5 Ok");
  auto request = stranger("bob@example.com");
  request.is_encrypted = true;
  CHECK(answer(request, tables, with("smtpd_recipient_restrictions=strict, reject")) ==
        "250 2.1.5 Ok");
}

TEST_CASE("sleep stops the evaluation until it is told that the time is over") {
  FakeTables tables;
  std::vector<std::string> settings{
      "smtpd_recipient_restrictions=sleep 2, reject_unauth_pipelining, sleep 0, sleep 3, reject"};
  auto config = config_for_test(settings);
  auto ask = [&](std::uint32_t sleeps, bool is_early) {
    auto request = stranger("bob@example.com");
    request.sleeps = sleeps;
    request.is_pipelining_early = is_early;
    return evaluate_recipient(request, config->at(Service::Smtp), tables);
  };
  CHECK(ask(0, true).sleep_seconds == 2);
  CHECK(ask(0, true).code == 250);
  CHECK(reply(ask(1, true)) ==
        "503 5.5.0 <bob@example.com>: Recipient address rejected: Improper use of SMTP command "
        "pipelining");
  CHECK(ask(1, false).sleep_seconds == 3);
  CHECK(ask(2, false).sleep_seconds == 0);
  CHECK(ask(2, false).code == 554);
}

TEST_CASE("codes of refusals are settings, and the status follows the code") {
  struct Case {
    const char* setting;
    const char* list;
    const char* reply;
  };
  FakeTables tables;
  tables.tables["hash:/r"]["bob@example.com"] = "REJECT";
  tables.tables["hash:/d"]["bob@example.com"] = "DEFER";
  std::string about = "<bob@example.com>: Recipient address rejected: ";
  for (const Case& one : {
           Case{"reject_code=421", "reject", "421 4.7.1 <bob@example.com>: "},
           Case{"defer_code=451", "defer", "451 4.3.2 <bob@example.com>: "},
           Case{"access_map_reject_code=454", "check_recipient_access hash:/r", "454 4.7.1 <bob@"},
           Case{"access_map_defer_code=451", "check_recipient_access hash:/d", "451 4.7.1 <bob@"},
           Case{"plaintext_reject_code=530", "reject_plaintext_session", "530 5.7.1 Session"},
           Case{"unknown_address_reject_code=550", "reject_unknown_sender_domain",
                "550 5.1.8 <a@nowhere.invalid>: "},
           Case{"unknown_hostname_reject_code=550", "reject_unknown_helo_hostname",
                "550 5.7.1 <nowhere.invalid>: "},
           Case{"unknown_client_reject_code=550", "reject_unknown_client_hostname",
                "550 5.7.25 Client host rejected: cannot find your hostname, [192.0.2.9]"},
           Case{"unknown_client_reject_code=550", "reject_unknown_reverse_client_hostname",
                "550 5.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.9]"},
           Case{"non_fqdn_reject_code=450", "reject_non_fqdn_helo_hostname, reject",
                "554 5.7.1 <bob@example.com>: "},
           Case{"maps_rbl_reject_code=450", "reject_rbl_client bl.example", "450 4.7.1 Service"},
           Case{"relay_domains_reject_code=550", "reject_unauth_destination, permit", "250 2.1.5"},
       }) {
    CAPTURE(one.list);
    auto request = stranger("bob@example.com", "a@nowhere.invalid");
    request.helo = "nowhere.invalid";
    request.client_name = request.reverse_name = "unknown";
    auto got = answer(request, tables,
                      {one.setting, std::string("smtpd_recipient_restrictions=") + one.list});
    CAPTURE(got);
    CHECK(got.starts_with(one.reply));
  }
  CHECK(answer(stranger("x@dest.example"), {"relay_domains_reject_code=550"})
            .starts_with("550 5.7.1"));
  CHECK(answer(stranger("no@example.com"), {"unknown_local_recipient_reject_code=450"})
            .starts_with("450 4.1.1"));
  CHECK(answer(stranger("no@virtual.example"), {"unknown_virtual_alias_reject_code=553"})
            .starts_with("553 5.1.1"));
  CHECK(answer(stranger("no@hosted.example"), {"unknown_virtual_mailbox_reject_code=554"})
            .starts_with("554 5.1.1"));
}

TEST_CASE("the null sender may name one recipient, asked at RCPT and at DATA alike") {
  FakeTables tables;
  auto request = stranger("bob@example.com", "");
  std::vector<std::string> at_rcpt{"smtpd_recipient_restrictions=reject_multi_recipient_bounce"};
  std::vector<std::string> at_data{"smtpd_data_restrictions=reject_multi_recipient_bounce"};
  CHECK(answer(request, tables, at_rcpt) == "250 2.1.5 Ok");
  request.recipients = 1;
  CHECK(answer(request, tables, at_rcpt) ==
        "550 5.5.3 <bob@example.com>: Recipient address rejected: Multi-recipient bounce");
  CHECK(verdict_at("smtpd_data_restrictions", request, tables, at_data).code == 250);
  request.recipients = 2;
  CHECK(reply(verdict_at("smtpd_data_restrictions", request, tables, at_data)) ==
        "550 5.5.3 <DATA>: Data command rejected: Multi-recipient bounce");
}

TEST_CASE("relay restrictions come before the recipient's, or after them if set so") {
  std::vector<std::string> settings{"smtpd_recipient_restrictions=reject"};
  auto request = stranger("x@dest.example");
  CHECK(answer(request, settings) == "554 5.7.1 <x@dest.example>: Relay access denied");
  settings.emplace_back("smtpd_relay_before_recipient_restrictions=no");
  CHECK(answer(request, settings) ==
        "554 5.7.1 <x@dest.example>: Recipient address rejected: Access denied");
}

TEST_CASE("postmaster without a domain is taken from everybody, whatever the lists say") {
  CHECK(answer(stranger("Postmaster"), {"smtpd_client_restrictions=reject",
                                        "smtpd_recipient_restrictions=reject"}) == "250 2.1.5 Ok");
}

TEST_CASE("ETRN is for the domains of fast_flush_domains, after the restrictions of its own") {
  FakeTables tables;
  auto ask = [&](const std::string& domain, std::vector<std::string> settings) {
    auto request = stranger("");
    request.sender.clear();
    request.etrn_domain = domain;
    return reply(verdict_at("smtpd_etrn_restrictions", request, tables, std::move(settings)));
  };
  CHECK(ask("relayed.example", {}) == "250 2.1.5 Ok");
  CHECK(ask("dest.example", {}) == "459 4.7.0 <dest.example>: service unavailable");
  CHECK(ask("relayed.example", {"smtpd_etrn_restrictions=permit_mynetworks, reject"}) ==
        "554 5.7.1 <relayed.example>: Etrn command rejected: Access denied");
  CHECK(ask("relayed.example", {"smtpd_client_restrictions=reject"}).starts_with("554 5.7.1 <mx."));
  tables.tables["hash:/e"]["relayed.example"] = "REJECT";
  CHECK(ask("relayed.example", {"smtpd_etrn_restrictions=hash:/e"}) ==
        "554 5.7.1 <relayed.example>: Etrn command rejected: Access denied");
  CHECK(answer(stranger("bob@example.com"), tables,
               {"smtpd_recipient_restrictions=check_etrn_access hash:/e"}) == "250 2.1.5 Ok");
}
