// Single restrictions: hosts and lists in DNS, owners of senders, certificates.
#include <doctest/doctest.h>

#include "smtpd/policy/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE("who has no name because DNS is silent is put off, whatever the code") {
  auto request = stranger("bob@example.com");
  request.client_name = request.reverse_name = "unknown";
  request.is_name_lookup_failed = true;
  std::vector<std::string> settings{"unknown_client_reject_code=550",
                                    "smtpd_client_restrictions=reject_unknown_client_hostname"};
  CHECK(answer(request, settings).starts_with("450 4.7.25 "));
}

TEST_CASE("a domain that DNS is silent about is refused only if nothing else refuses") {
  auto request = stranger("bob@example.com", "a@silent.example");
  std::vector<std::string> settings{"smtpd_sender_restrictions=reject_unknown_sender_domain"};
  std::string words = "450 4.1.8 <a@silent.example>: Sender address rejected: Domain not found";
  CHECK(answer(request, settings) == words);
  request.recipient = "x@dest.example";
  CHECK(answer(request, settings) == "554 5.7.1 <x@dest.example>: Relay access denied");
  settings.emplace_back("unknown_address_tempfail_action=defer");
  CHECK(answer(request, settings) == words);
}

TEST_CASE("a domain that takes no mail by its null MX can't send any either") {
  CHECK(answer(stranger("bob@example.com", "a@null.example"),
               {"smtpd_sender_restrictions=reject_unknown_sender_domain"}) ==
        "550 5.7.27 <a@null.example>: Sender address rejected: Domain null.example does not accept "
        "mail (nullMX)");
  auto request = stranger("x@null.example");
  request.is_in_mynetworks = true;
  CHECK(answer(request, {"smtpd_recipient_restrictions=reject_unknown_recipient_domain"})
            .starts_with("556 5.1.10 <x@null.example>: Recipient address rejected: Domain "));
}

TEST_CASE("hosts of a domain are looked up as clients are, and can only be refused by") {
  FakeTables tables;
  Servers mx;
  mx.hosts = {host("mx.trap.example", {"203.0.113.9"})};
  tables.hosts[{ServerKind::Mx, "sender.example"}] = mx;
  Servers ns;
  ns.hosts = {host("ns.bulk.example", {"203.0.113.10"})};
  tables.hosts[{ServerKind::Ns, "mx.client.example"}] = ns;
  Servers address;
  address.hosts = {host("mx.client.example", {"203.0.113.11"})};
  tables.hosts[{ServerKind::Address, "mx.client.example"}] = address;
  auto& table = tables.tables["hash:/a"];
  auto ask = [&](const std::string& list) {
    return answer(stranger("bob@example.com"), tables,
                  {"smtpd_sender_restrictions=" + list + " hash:/a"});
  };
  const std::string sender = "554 5.7.1 <a@sender.example>: Sender address rejected: Access denied";
  table["trap.example"] = "REJECT";
  CHECK(ask("check_sender_mx_access") == sender);
  CHECK(ask("check_sender_ns_access") == "250 2.1.5 Ok");
  table = {{"203.0.113", "REJECT"}};
  CHECK(ask("check_sender_mx_access") == sender);
  CHECK(ask("check_client_ns_access") ==
        "554 5.7.1 <mx.client.example[192.0.2.9]>: Client host rejected: Access denied");
  CHECK(ask("check_reverse_client_hostname_ns_access") ==
        "554 5.7.1 <mx.client.example>: Unverified Client host rejected: Access denied");
  CHECK(ask("check_helo_a_access") ==
        "554 5.7.1 <mx.client.example>: Helo command rejected: Access denied");
  CHECK(ask("check_recipient_mx_access") == "250 2.1.5 Ok");
  table = {{"mx.client.example", "REJECT"}};
  CHECK(ask("check_helo_a_access") == "250 2.1.5 Ok");
  table = {{"trap.example", "OK"}};
  CHECK(ask("check_sender_mx_access") == "451 4.3.5 Server configuration error");
  table = {{"mx.client.example", "OK"}};
  CHECK(ask("check_reverse_client_hostname_access") == "451 4.3.5 Server configuration error");
  auto silent = stranger("bob@example.com", "a@silent.example");
  CHECK(answer(silent, tables, {"smtpd_sender_restrictions=check_sender_mx_access hash:/a"}) ==
        "250 2.1.5 Ok");
  auto literal = stranger("bob@example.com", "a@[203.0.113.9]");
  table = {{"203.0.113.9", "REJECT"}};
  CHECK(answer(literal, tables, {"smtpd_sender_restrictions=check_sender_mx_access hash:/a"})
            .starts_with("554 5.7.1 "));
}

TEST_CASE("permit_mx_backup takes mail for domains whose secondary mail host this one is") {
  FakeTables tables;
  auto& servers = tables.hosts[{ServerKind::Mx, "dest.example"}];
  std::vector<std::string> settings{
      "smtpd_relay_restrictions=permit_mx_backup, reject_unauth_destination"};
  auto ask = [&] { return answer(stranger("x@dest.example"), tables, settings); };
  const std::string denied = "554 5.7.1 <x@dest.example>: Relay access denied";
  servers.hosts = {host("mx1.dest.example", {"203.0.113.1"}, 10),
                   host("mx2.dest.example", {"198.51.100.7"}, 20)};
  CHECK(ask() == "250 2.1.5 Ok");
  settings.emplace_back("permit_mx_backup_networks=203.0.113.0/24");
  CHECK(ask() == "250 2.1.5 Ok");
  settings.back() = "permit_mx_backup_networks=192.0.2.0/24";
  CHECK(ask() == denied);
  settings.pop_back();
  servers.hosts = {host("mx2.dest.example", {"198.51.100.7"}, 20),
                   host("mx1.dest.example", {"203.0.113.1"}, 30)};
  CHECK(ask() == denied);
  servers.hosts = {host("mx1.dest.example", {"203.0.113.1"}, 10)};
  CHECK(ask() == denied);
  servers.hosts = {host("dest.example", {"198.51.100.7"}, 0)};
  servers.is_implied = true;
  CHECK(ask() == denied);
  CHECK(
      answer(stranger("x@silent.example"), tables, settings) ==
      "450 4.4.4 <x@silent.example>: Recipient address rejected: Unable to look up mail exchanger "
      "information");
  CHECK(answer(stranger("x%far.example@dest.example"), tables, settings)
            .ends_with("Relay access denied"));
}

TEST_CASE("DNS lists refuse in the words of the settings, and lists of the good permit") {
  FakeTables tables;
  auto ask = [&](const std::string& list, std::vector<std::string> settings = {}) {
    settings.push_back("smtpd_recipient_restrictions=" + list);
    return answer(stranger("bob@example.com"), tables, settings);
  };
  CHECK(
      ask("reject_rbl_client wordy.example") ==
      "554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using wordy.example; caught "
      "by a trap");
  CHECK(ask("reject_rbl_client bl.example=127.0.0.[2;4..6]").starts_with("554 5.7.1"));
  CHECK(ask("reject_rbl_client bl.example=127.0.0.[4..6]") == "250 2.1.5 Ok");
  CHECK(ask("reject_rbl_client silent.example") == "250 2.1.5 Ok");
  CHECK(ask("reject_rhsbl_recipient bl.example") ==
        "554 5.7.1 Service unavailable; Recipient address [bob@example.com] blocked using "
        "bl.example");
  CHECK(ask("reject_rhsbl_reverse_client bl.example") ==
        "554 5.7.1 Service unavailable; Unverified Client host [mx.client.example] blocked using "
        "bl.example");
  tables.tables["hash:/replies"]["bl.example"] = "521 5.7.7 $client_address, $rbl_domain says no";
  CHECK(ask("reject_rbl_client bl.example", {"rbl_reply_maps=hash:/replies"}) ==
        "521 5.7.7 192.0.2.9, bl.example says no");
  CHECK(ask("permit_dnswl_client bl.example, reject") == "250 2.1.5 Ok");
  CHECK(ask("permit_dnswl_client none.example, reject").starts_with("554 5.7.1"));
  CHECK(ask("permit_dnswl_client silent.example, reject") ==
        "450 4.7.1 <mx.client.example[192.0.2.9]>: Client host rejected: Service unavailable");
  CHECK(ask("permit_rhswl_client bl.example, reject") == "250 2.1.5 Ok");
}

TEST_CASE("without smtpd_sender_login_maps a sender is its account's own") {
  FakeTables tables;
  tables.accounts = {{"ann@example.com", "ann@example.com"},
                     {"sales@example.com", "ann@example.com"}};
  auto ask = [&](const std::string& list, const std::string& sender, const std::string& login) {
    auto request = stranger("bob@example.com", sender);
    request.is_authenticated = !login.empty();
    request.sasl_username = login;
    return answer(request, tables, {"auth_realm=example.com", "smtpd_sender_restrictions=" + list});
  };
  const std::string all = "reject_sender_login_mismatch";
  const std::string known = "reject_known_sender_login_mismatch";
  CHECK(ask(all, "ann@example.com", "ann@example.com") == "250 2.1.5 Ok");
  CHECK(ask(all, "sales@example.com", "ann") == "250 2.1.5 Ok");
  CHECK(ask(all, "ann@example.com", "eve@example.com") ==
        "553 5.7.1 <ann@example.com>: Sender address rejected: not owned by user eve@example.com");
  CHECK(ask(all, "staff@example.com", "ann@example.com").starts_with("553 5.7.1 "));
  CHECK(ask(known, "staff@example.com", "ann@example.com") == "250 2.1.5 Ok");
  CHECK(ask(known, "ann@example.com", "eve@example.com").starts_with("553 5.7.1 "));
  CHECK(ask(known, "ann@example.com", "").ends_with("not logged in"));
  CHECK(ask(all, "stranger@sender.example", "") == "250 2.1.5 Ok");
  tables.broken = true;
  CHECK(ask(all, "ann@example.com", "ann@example.com").starts_with("451 4.3.0 "));
}

TEST_CASE("a certificate permits by its fingerprint, its key's, or who vouches for it") {
  FakeTables tables;
  auto request = stranger("x@dest.example");
  ClientCertificate shown;
  shown.name = "ann";
  shown.fingerprint = "AA:01";
  shown.key_fingerprint = "BB:02";
  std::vector<std::string> known{"relay_clientcerts=hash:/prints",
                                 "smtpd_relay_restrictions=permit_tls_clientcerts, reject"};
  std::vector<std::string> all{"smtpd_relay_restrictions=permit_tls_all_clientcerts, reject"};
  auto& prints = tables.tables["hash:/prints"];
  prints["bb:02"] = "ann";
  CHECK(answer(request, tables, known).starts_with("554 5.7.1 "));
  request.certificate = shown;
  CHECK(answer(request, tables, known) == "250 2.1.5 Ok");
  prints = {{"aa:01", "ann"}};
  CHECK(answer(request, tables, known) == "250 2.1.5 Ok");
  prints = {{"aa", "ann"}};
  CHECK(answer(request, tables, known).starts_with("554 5.7.1 "));
  CHECK(answer(request, tables, all).starts_with("554 5.7.1 "));
  request.certificate->is_trusted = true;
  CHECK(answer(request, tables, known).starts_with("554 5.7.1 "));
  CHECK(answer(request, tables, all) == "250 2.1.5 Ok");

  auto ours = stranger("bob@example.com");
  ours.certificate = shown;
  std::vector<std::string> access{"smtpd_client_restrictions=check_ccert_access hash:/prints"};
  prints = {{"bb:02", "REJECT not you"}};
  CHECK(answer(ours, tables, access) == "554 5.7.1 <ann>: Client certificate rejected: not you");
  prints = {{"aa:01", "DUNNO"}, {"bb:02", "REJECT"}};
  CHECK(answer(ours, tables, access) == "250 2.1.5 Ok");
}
