#include "smtpd/policy/evaluate.h"

#include <doctest/doctest.h>

#include "smtpd/policy/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE("a stranger may only send to our domains, whatever route the recipient's address hides") {
  for (std::string sender : {"a@sender.example", "", "bob@example.com"}) {
    CAPTURE(sender);
    for (std::string recipient :
         {"user@dest.example", "user%dest.example@example.com", "dest.example!user@example.com",
          "\"user@dest.example\"@example.com", "user%dest.example@[192.0.2.7]",
          "dest.example!user@relayed.example", "user%dest.example@virtual.example",
          "user@[198.51.100.1]", "\"user@example.com\"@example.com"}) {
      CAPTURE(recipient);
      CHECK(answer(stranger(recipient, sender)) ==
            "554 5.7.1 <" + recipient + ">: Relay access denied");
    }
    CHECK(answer(stranger("bob@example.com", sender)) == "250 2.1.5 Ok");
    CHECK(answer(stranger("anybody@relayed.example", sender)) == "250 2.1.5 Ok");
    CHECK(answer(stranger("bob@[192.0.2.7]", sender)) == "250 2.1.5 Ok");
  }
}

TEST_CASE("a hosted domain is ours, and its unknown users are refused by their table's name") {
  CHECK(answer(stranger("bob@hosted.example")) == "250 2.1.5 Ok");
  CHECK(answer(stranger("zoe@hosted.example")) ==
        "550 5.1.1 <zoe@hosted.example>: Recipient address rejected: User unknown in virtual "
        "mailbox table");
}

TEST_CASE("no_unknown_recipient_checks accepts unknown recipients, but relays for nobody") {
  std::vector<std::string> settings{"receive_override_options=no_unknown_recipient_checks",
                                    "smtpd_recipient_restrictions=reject_unlisted_recipient"};
  CHECK(answer(stranger("zoe@hosted.example"), settings) == "250 2.1.5 Ok");
  CHECK(answer(stranger("zoe@example.com"), settings) == "250 2.1.5 Ok");
  CHECK(answer(stranger("zoe@else.example"), settings).starts_with("554 5.7.1"));
}

TEST_CASE("what looks like a route is a mailbox where its kind of route is not followed") {
  std::string percent = "user%dest.example@relayed.example";
  std::string bang = "dest.example!user@relayed.example";
  CHECK(answer(stranger(percent), {"allow_percent_hack=no"}) == "250 2.1.5 Ok");
  CHECK(answer(stranger(percent), {"swap_bangpath=no"}).starts_with("554 5.7.1"));
  CHECK(answer(stranger(bang), {"swap_bangpath=no"}) == "250 2.1.5 Ok");
  CHECK(answer(stranger(bang), {"allow_percent_hack=no"}).starts_with("554 5.7.1"));
}

TEST_CASE("reject_unknown_helo_hostname refuses a name that takes no mail, and no other") {
  std::vector<std::string> settings{"smtpd_recipient_restrictions=reject_unknown_helo_hostname"};
  auto request = stranger("bob@example.com");
  CHECK(answer(request, settings) == "250 2.1.5 Ok");
  request.helo = "[192.0.2.9]";
  CHECK(answer(request, settings) == "250 2.1.5 Ok");
  request.helo = "nowhere.invalid";
  CHECK(answer(request, settings) ==
        "450 4.7.1 <nowhere.invalid>: Helo command rejected: Host not found");
}

TEST_CASE("an address without domain is in myorigin: postmaster is taken from everybody") {
  std::vector<std::string> settings{"myorigin=example.com"};
  FakeTables tables;
  CHECK(answer(stranger("bob"), tables, settings) == "250 2.1.5 Ok");
  CHECK(answer(stranger("nobody"), tables, settings) ==
        "550 5.1.1 <nobody>: Recipient address rejected: User unknown in local recipient table");
  CHECK(answer(stranger("user%dest.example"), tables, settings) ==
        "554 5.7.1 <user%dest.example>: Relay access denied");
  tables.tables["hash:/access"]["bob@example.com"] = "REJECT";
  settings.emplace_back("smtpd_recipient_restrictions=check_recipient_access hash:/access");
  CHECK(answer(stranger("bob"), tables, settings) ==
        "554 5.7.1 <bob>: Recipient address rejected: Access denied");
  CHECK(answer(stranger("bob"), {"myorigin=foreign.example"}) ==
        "554 5.7.1 <bob>: Relay access denied");
}

TEST_CASE("the first item of mynetworks that holds the client decides, tables and ! among them") {
  struct Row {
    const char* list;
    bool is_permitted;
  };
  // `receive` sets is_in_mynetworks only for networks that are listed before any table.
  for (const Row& row :
       {Row{"!192.0.2.9, hash:/nets", false}, Row{"hash:/nets, !192.0.2.9", true},
        Row{"!hash:/nets, 192.0.2.0/24", false}, Row{"!hash:/others, 192.0.2.0/24", true},
        Row{"hash:/others, !192.0.2.0/24", false}, Row{"hash:/others, 192.0.2.0/24", true},
        Row{"198.51.100.0/24, hash:/others", false}}) {
    CAPTURE(row.list);
    FakeTables tables;
    tables.tables["hash:/nets"]["192.0.2.9"] = "x";
    tables.tables["hash:/others"]["198.51.100.1"] = "x";
    auto got = answer(stranger("user@dest.example"), tables,
                      {std::string("mynetworks=") + row.list,
                       "smtpd_relay_restrictions=permit_mynetworks, reject_unauth_destination"});
    CHECK((got == "250 2.1.5 Ok") == row.is_permitted);
  }
  FakeTables tables;
  tables.broken = true;
  CHECK(answer(stranger("user@dest.example"), tables, {"mynetworks=hash:/nets, 192.0.2.0/24"})
            .starts_with("451 4.3.0 "));
}

TEST_CASE("mynetworks, a login and RELAY in a client table open the way out") {
  auto request = stranger("user@dest.example");
  request.is_in_mynetworks = true;
  CHECK(answer(request) == "250 2.1.5 Ok");
  request = stranger("user%dest.example@example.com");
  request.is_authenticated = true;
  CHECK(answer(request) == "250 2.1.5 Ok");

  FakeTables tables;
  std::vector<std::string> settings{"smtpd_client_restrictions=hash:/access"};
  tables.tables["hash:/access"]["192.0"] = "RELAY";
  CHECK(answer(stranger("user@dest.example"), tables, settings) == "250 2.1.5 Ok");
  tables.tables["hash:/access"]["192.0"] = "OK";
  CHECK(answer(stranger("user@dest.example"), tables, settings) ==
        "554 5.7.1 <user@dest.example>: Relay access denied");
  // A client may claim any sender.
  settings = {"smtpd_sender_restrictions=hash:/access"};
  tables.tables["hash:/access"]["sender.example"] = "RELAY";
  CHECK(answer(stranger("user@dest.example"), tables, settings) ==
        "554 5.7.1 <user@dest.example>: Relay access denied");
}

TEST_CASE(
    "a mailbox known to be full takes no more mail at RCPT, and nobody learns of it who may not "
    "relay") {
  FakeTables tables;
  tables.full = "bob@example.com";
  CHECK(answer(stranger("bob@example.com"), tables, {}) ==
        "452 4.2.2 <bob@example.com>: Recipient address rejected: Quota exceeded "
        "(mailbox for user is full)");
  CHECK(answer(stranger("bob@virtual.example"), tables, {}) == "250 2.1.5 Ok");
  tables.full = "user@dest.example";
  CHECK(answer(stranger("user@dest.example"), tables, {}) ==
        "554 5.7.1 <user@dest.example>: Relay access denied");
}

TEST_CASE("a verdict says of accepted recipients alone whether their mailbox has a quota") {
  FakeTables tables;
  tables.with_quota = "bob@example.com";
  auto verdict_on = [&](const std::string& recipient) {
    return evaluate_recipient(stranger(recipient), *config_for_test({}), tables);
  };
  CHECK(verdict_on("bob@example.com").has_quota);
  CHECK_FALSE(verdict_on("bob@virtual.example").has_quota);
  tables.full = "bob@example.com";
  CHECK_FALSE(verdict_on("bob@example.com").has_quota);
}

TEST_CASE("lists that decide nothing are no licence to relay") {
  CHECK(answer(stranger("user@dest.example"),
               {"smtpd_relay_restrictions=warn_if_reject reject_unauth_destination"}) ==
        "554 5.7.1 <user@dest.example>: Relay access denied");
}

TEST_CASE("a recipient of ours who does not exist is refused, also for our own clients") {
  auto request = stranger("nobody@example.com");
  CHECK(answer(request) ==
        "550 5.1.1 <nobody@example.com>: Recipient address rejected: User unknown in local "
        "recipient table");
  request.is_in_mynetworks = true;
  CHECK(answer(request, {"show_user_unknown_table_name=no"}) ==
        "550 5.1.1 <nobody@example.com>: Recipient address rejected: User unknown");
  CHECK(answer(stranger("nobody@virtual.example")) ==
        "550 5.1.1 <nobody@virtual.example>: Recipient address rejected: User unknown in virtual "
        "alias table");
}

TEST_CASE("a recipient who can't get mail for another reason is refused with that reason") {
  CHECK(answer(stranger("moved@example.com")) ==
        "550 5.1.6 <moved@example.com>: Recipient address rejected: User has moved");
}

TEST_CASE("a table that can't be read is a temporary failure, never a refusal") {
  FakeTables tables;
  tables.broken = true;
  for (std::string list : {"check_client_access hash:/a", "check_sender_access hash:/a",
                           "check_recipient_access hash:/a", "reject_unauth_destination",
                           "warn_if_reject check_client_access hash:/a"}) {
    CAPTURE(list);
    auto got =
        answer(stranger("user@dest.example"), tables, {"smtpd_recipient_restrictions=" + list});
    CHECK(got.starts_with("451 4.3.0 "));
    CHECK(got.ends_with("Temporary lookup failure"));
  }
}

TEST_CASE("access tables know clients by name, network and CIDR, the narrowest first") {
  FakeTables tables;
  auto& table = tables.tables["hash:/access"];
  std::vector<std::string> settings{"smtpd_client_restrictions=hash:/access"};
  auto request = stranger("bob@example.com");
  table["192.0.2.0/24"] = "OK";
  table["192.0.2.9"] = "REJECT";
  CHECK(answer(request, tables, settings) ==
        "554 5.7.1 <mx.client.example[192.0.2.9]>: Client host rejected: Access denied");
  request.client_address = "192.0.2.10";
  CHECK(answer(request, tables, settings) == "250 2.1.5 Ok");
  table.clear();
  table["client.example"] = "550 Go away";
  CHECK(answer(request, tables, settings) ==
        "550 5.7.1 <mx.client.example[192.0.2.10]>: Client host rejected: Go away");
}

TEST_CASE("a network in an access table may be of any length for IPv4, of whole digits for IPv6") {
  struct Row {
    const char* client;
    const char* network;
    bool is_known;
  };
  for (const Row& row :
       {Row{"192.0.2.9", "0.0.0.0/0", true}, Row{"192.0.2.9", "192.0.2.8/31", true},
        Row{"192.0.2.9", "192.0.2.9/32", true}, Row{"192.0.2.9", "128.0.0.0/1", true},
        Row{"192.0.2.9", "192.0.2.9/31", false}, Row{"192.0.2.9", "192.0.2.0/29", false},
        Row{"192.0.2.9", "192.0", true}, Row{"192.0.2.9", "192.0.", false},
        Row{"2001:db8::9", "::/0", true}, Row{"2001:db8::9", "2001:d00::/24", true},
        Row{"2001:db8::9", "2001:db8::8/127", false}}) {
    CAPTURE(row.client);
    CAPTURE(row.network);
    FakeTables tables;
    tables.tables["hash:/access"][row.network] = "REJECT";
    auto request = stranger("bob@example.com");
    request.client_address = row.client;
    auto got = answer(request, tables, {"smtpd_client_restrictions=hash:/access"});
    CHECK(got.starts_with("554 5.7.1") == row.is_known);
  }
}

TEST_CASE("access actions do what access(5) says") {
  struct Case {
    const char* action;
    const char* reply;
  };
  for (const Case& one : {
           Case{"OK", "250 2.1.5 Ok"},
           Case{"1234567890", "250 2.1.5 Ok"},
           Case{"DUNNO", "250 2.1.5 Ok"},
           Case{"reject", "554 5.7.1 <a@sender.example>: Sender address rejected: Access denied"},
           Case{"REJECT no thanks",
                "554 5.7.1 <a@sender.example>: Sender address rejected: no thanks"},
           Case{"REJECT 5.7.9 no thanks",
                "554 5.7.9 <a@sender.example>: Sender address rejected: no thanks"},
           Case{"450 later", "450 4.7.1 <a@sender.example>: Sender address rejected: later"},
           Case{"ERROR:\"550 Spam\"",
                "550 5.7.1 <a@sender.example>: Sender address rejected: Spam"},
           Case{"DEFER", "450 4.7.1 <a@sender.example>: Sender address rejected: Access denied"},
           Case{"DEFER_IF_PERMIT",
                "450 4.7.1 <a@sender.example>: Sender address rejected: Service unavailable"},
           Case{"DEFER_IF_PERMIT slow",
                "450 4.7.1 <a@sender.example>: Sender address rejected: slow"},
           Case{"DISCARD", "250 2.1.5 Ok"},
           Case{"HOLD", "250 2.1.5 Ok"},
           Case{"permit_mynetworks, reject",
                "554 5.7.1 <a@sender.example>: Sender address rejected: Access denied"},
           Case{"5.7.1", "451 4.3.5 Server configuration error"},
           Case{"FROBNICATE", "451 4.3.5 Server configuration error"},
           Case{"FILTER smtp:[192.0.2.1]", "250 2.1.5 Ok"},
           Case{"", "250 2.1.5 Ok"},
           Case{"550", "250 2.1.5 Ok"},
           Case{"550 5.1.1 no such sender",
                "550 5.1.7 <a@sender.example>: Sender address rejected: no such sender"},
           Case{"DEFER_IF_REJECT", "250 2.1.5 Ok"},
           Case{"INFO seen", "250 2.1.5 Ok"},
           Case{"BCC copy@example.com", "250 2.1.5 Ok"},
           Case{"REDIRECT other@example.com", "250 2.1.5 Ok"},
       }) {
    CAPTURE(one.action);
    FakeTables tables;
    tables.tables["hash:/senders"]["a@"] = one.action;
    CHECK(answer(stranger("bob@example.com"), tables,
                 {"smtpd_sender_restrictions=check_sender_access hash:/senders"}) == one.reply);
  }
}

TEST_CASE("HOLD, DISCARD and PREPEND go with the verdict, warn_if_reject into the log") {
  FakeTables tables;
  tables.tables["hash:/a"]["bob@example.com"] = "HOLD";
  tables.tables["hash:/b"]["bob@example.com"] = "PREPEND X-Seen: yes";
  tables.tables["hash:/c"]["bob@example.com"] = "DISCARD";
  auto config = config_for_test(
      {"smtpd_recipient_restrictions=warn_if_reject reject, check_recipient_access hash:/a, "
       "check_recipient_access hash:/b, check_recipient_access hash:/c, reject"});
  auto verdict = evaluate_recipient(stranger("bob@example.com"), config->at(Service::Smtp), tables);
  CHECK(verdict.code == 250);
  CHECK(verdict.hold);
  CHECK(verdict.discard);
  CHECK(verdict.prepend == std::vector<std::string>{"X-Seen: yes"});
  std::string about = "<bob@example.com>: Recipient address ";
  CHECK(verdict.notes ==
        std::vector<PolicyNote>{{"reject_warning", about + "rejected: Access denied", 554, "5.7.1"},
                                {"hold", about + "triggers HOLD action", 0, ""},
                                {"discard", about + "triggers DISCARD action", 0, ""}});
}

TEST_CASE("the named restrictions refuse in Postfix's words") {
  struct Case {
    const char* list;
    const char* helo;
    const char* sender;
    const char* recipient;
    const char* reply;
  };
  for (const Case& one : {
           Case{"reject_non_fqdn_sender", "h", "ann", "bob@example.com",
                "504 5.5.2 <ann>: Sender address rejected: need fully-qualified address"},
           Case{"reject_non_fqdn_sender", "h", "ann@host", "bob@example.com",
                "504 5.5.2 <ann@host>: Sender address rejected: need fully-qualified address"},
           Case{"reject_non_fqdn_sender", "h", "", "bob@example.com", "250 2.1.5 Ok"},
           Case{"reject_non_fqdn_helo_hostname", "h", "", "bob@example.com",
                "504 5.5.2 <h>: Helo command rejected: need fully-qualified hostname"},
           Case{"reject_invalid_helo_hostname", "h..x", "", "bob@example.com",
                "501 5.5.2 <h..x>: Helo command rejected: Invalid name"},
           Case{"reject_unknown_sender_domain", "h", "a@nowhere.invalid", "bob@example.com",
                "450 4.1.8 <a@nowhere.invalid>: Sender address rejected: Domain not found"},
           Case{"reject_rbl_client bl.example", "h", "a@b.example", "bob@example.com",
                "554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using bl.example"},
           Case{"reject_rbl_client bl.example=127.0.0.3", "h", "a@b.example", "bob@example.com",
                "250 2.1.5 Ok"},
           Case{"defer_unauth_destination", "h", "a@b.example", "x@dest.example",
                "454 4.7.1 <x@dest.example>: Relay access denied"},
           Case{"reject_plaintext_session", "h", "a@b.example", "bob@example.com",
                "450 4.7.1 Session encryption is required"},
       }) {
    CAPTURE(one.list);
    auto request = stranger(one.recipient, one.sender);
    request.helo = one.helo;
    CHECK(answer(request, {std::string("smtpd_relay_restrictions=") + one.list +
                           ", reject_unauth_destination"}) == one.reply);
  }
}

TEST_CASE("a client without a name is refused with 450, by what is asked of it alone") {
  auto request = stranger("bob@example.com");
  std::vector<std::string> named{"smtpd_client_restrictions=reject_unknown_client_hostname"};
  std::vector<std::string> reverse{
      "smtpd_client_restrictions=reject_unknown_reverse_client_hostname"};
  CHECK(answer(request, named) == "250 2.1.5 Ok");
  request.client_name = "unknown";
  CHECK(answer(request, named) ==
        "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.9]");
  CHECK(answer(request, reverse) == "250 2.1.5 Ok");
  request.reverse_name = "unknown";
  CHECK(answer(request, reverse) ==
        "450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.9]");
}

TEST_CASE("a sender's owner is asked about only where the restriction is for that client") {
  FakeTables tables;
  tables.tables["hash:/logins"]["ann@example.com"] = "ann";
  struct Row {
    const char* restriction;
    const char* login;
    const char* sender;
    bool is_taken;
  };
  const char* without_login = "reject_unauthenticated_sender_login_mismatch";
  const char* with_login = "reject_authenticated_sender_login_mismatch";
  for (const Row& row :
       {Row{without_login, "", "ann@example.com", false},
        Row{without_login, "eve", "ann@example.com", true}, Row{without_login, "", "", true},
        Row{without_login, "", "x@other.example", true},
        Row{with_login, "", "ann@example.com", true}, Row{with_login, "eve", "", true},
        Row{with_login, "eve", "ann@example.com", false},
        Row{with_login, "ann", "ann@example.com", true},
        Row{with_login, "eve", "x@other.example", false}}) {
    CAPTURE(row.restriction);
    CAPTURE(row.login);
    CAPTURE(row.sender);
    auto request = stranger("bob@example.com", row.sender);
    request.sasl_username = row.login;
    request.is_authenticated = !request.sasl_username.empty();
    auto got = answer(request, tables,
                      {"smtpd_sender_login_maps=hash:/logins",
                       std::string("smtpd_sender_restrictions=") + row.restriction});
    CHECK(got.starts_with("553 5.7.1") != row.is_taken);
  }
}

TEST_CASE("a sender with an owner is for its owner's login") {
  FakeTables tables;
  tables.tables["hash:/logins"]["ann@example.com"] = "ann, boss";
  std::vector<std::string> settings{"smtpd_sender_login_maps=hash:/logins",
                                    "smtpd_sender_restrictions=reject_sender_login_mismatch"};
  auto request = stranger("bob@example.com", "ann@example.com");
  CHECK(answer(request, tables, settings) ==
        "553 5.7.1 <ann@example.com>: Sender address rejected: not logged in");
  request.is_authenticated = true;
  request.sasl_username = "eve";
  CHECK(answer(request, tables, settings) ==
        "553 5.7.1 <ann@example.com>: Sender address rejected: not owned by user eve");
  request.sasl_username = "boss";
  CHECK(answer(request, tables, settings) == "250 2.1.5 Ok");
  // Patterns are matched against whole addresses: one that matches only `@example.com` names no
  // owner.
  tables.tables["regexp:/patterns"]["@example.com"] = "ann";
  settings[0] = "smtpd_sender_login_maps=regexp:/patterns";
  request.sasl_username = "ann";
  CHECK(answer(request, tables, settings) ==
        "553 5.7.1 <ann@example.com>: Sender address rejected: not owned by user ann");
  tables.tables["regexp:/patterns"]["ann@example.com"] = "ann";
  CHECK(answer(request, tables, settings) == "250 2.1.5 Ok");
}

TEST_CASE("a list that comes before RCPT passes over what asks about a sender or a recipient") {
  FakeTables tables;
  tables.tables["hash:/a"] = {{"<>", "REJECT"}, {"", "REJECT"}};
  auto config = config_for_test({"smtpd_delay_reject=no",
                                 "smtpd_client_restrictions=reject_unauth_destination, "
                                 "check_sender_access static:REJECT, hash:/a",
                                 "smtpd_sender_restrictions=reject_unauth_destination, "
                                 "check_sender_access static:REJECT"});
  tables.tables["static:REJECT"] = {{"sender.example", "REJECT"}, {"<>", "REJECT"}};
  CheckRestrictions request;
  request.about = stranger("", "");
  request.about.helo.clear();
  request.parameter = "smtpd_client_restrictions";
  CHECK(reply(evaluate_restrictions(request, config->at(Service::Smtp), tables)) == "250 2.1.5 Ok");
  request.about = stranger("");
  request.parameter = "smtpd_sender_restrictions";
  CHECK(reply(evaluate_restrictions(request, config->at(Service::Smtp), tables)) ==
        "554 5.7.1 <a@sender.example>: Sender address rejected: Access denied");
}

TEST_CASE("a list is evaluated at its own stage and at no other") {
  FakeTables tables;
  const std::vector<std::string> lists{"smtpd_client_restrictions", "smtpd_helo_restrictions",
                                       "smtpd_sender_restrictions", "smtpd_data_restrictions",
                                       "smtpd_end_of_data_restrictions"};
  for (const auto& set : lists) {
    auto config = config_for_test({set + "=reject"});
    for (const auto& asked : lists) {
      CAPTURE(set);
      CAPTURE(asked);
      CheckRestrictions request;
      request.about = stranger("bob@example.com");
      request.parameter = asked;
      auto verdict = evaluate_restrictions(request, config->at(Service::Smtp), tables);
      CHECK(verdict.code == (asked == set ? 554 : 250));
    }
  }
}

TEST_CASE("warn_if_reject at the end of a list does not reach into the next one") {
  FakeTables tables;
  CHECK(answer(stranger("bob@example.com"), tables,
               {"smtpd_client_restrictions=warn_if_reject", "smtpd_helo_restrictions=reject"}) ==
        "554 5.7.1 <mx.client.example>: Helo command rejected: Access denied");
}

TEST_CASE(
    "LMTP takes mail for mailboxes and aliases of this host alone, whatever the lists permit") {
  std::vector<std::string> settings{
      "smtpd_relay_restrictions=permit_mynetworks, reject_unauth_destination",
      "smtpd_recipient_restrictions=permit_mynetworks"};
  auto by_lmtp = [&](std::string recipient) {
    auto request = stranger(std::move(recipient));
    request.is_lmtp = true;
    request.may_relay = true;
    request.is_in_mynetworks = true;
    return answer(request, settings);
  };
  for (std::string recipient :
       {"x@relayed.example", "x@else.example", "x%else.example@example.com"}) {
    CHECK(by_lmtp(recipient) == "554 5.7.1 <" + recipient + ">: Relay access denied");
  }
  CHECK(by_lmtp("bob@example.com") == "250 2.1.5 Ok");
  CHECK(by_lmtp("bob@hosted.example") == "250 2.1.5 Ok");
  CHECK(by_lmtp("zoe@hosted.example").starts_with("550 5.1.1"));
}
