#include "smtpd/policy/policy_request.h"

#include <doctest/doctest.h>

#include "smtpd/policy/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

CheckRecipient known_client() {
  auto about = stranger("bob@example.com");
  about.facts.emplace();
  about.facts->state = "RCPT";
  about.facts->protocol = "ESMTP";
  about.facts->client_port = 4711;
  about.facts->server_address = "192.0.2.7";
  about.facts->server_port = 25;
  about.facts->instance = "INSTANCE";
  about.facts->size = 1000;
  return about;
}

const std::vector<std::string> asks{
    "smtpd_recipient_restrictions=check_policy_service inet:127.0.0.1:7"};

std::string answered(std::string action, std::vector<std::string> settings = asks) {
  FakeTables tables;
  tables.policy_actions["127.0.0.1:7"] = std::move(action);
  return answer(known_client(), tables, std::move(settings));
}

}  // namespace

TEST_CASE("a request to a policy server has all attributes of Postfix 3.7 in their order") {
  auto about = known_client();
  about.recipients = 1;
  about.certificate.emplace();
  about.certificate->name = "untrusted";
  about.certificate->fingerprint = "0A:1B";
  about.helo = "evil\nsender=x";
  CHECK(policy_request(about, "submission") ==
        "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
        "client_address=192.0.2.9\nclient_name=mx.client.example\nclient_port=4711\n"
        "reverse_client_name=mx.client.example\nserver_address=192.0.2.7\nserver_port=25\n"
        "helo_name=evil?sender=x\nsender=a@sender.example\nrecipient=bob@example.com\n"
        "recipient_count=0\nqueue_id=\ninstance=INSTANCE\nsize=1000\netrn_domain=\nstress=\n"
        "sasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\n"
        "ccert_fingerprint=0A:1B\nccert_pubkey_fingerprint=\nencryption_protocol=\n"
        "encryption_cipher=\nencryption_keysize=0\npolicy_context=submission\n\n");
  about.facts->state = "END-OF-MESSAGE";
  CHECK(policy_request(about, "").find("recipient_count=1\n") != std::string::npos);
}

TEST_CASE("a policy server's action is carried out like that of an access table") {
  CHECK(answered("dunno") == "250 2.1.5 Ok");
  CHECK(answered("REJECT no") == "554 5.7.1 <bob@example.com>: Recipient address rejected: no");
  CHECK(answered("DEFER_IF_PERMIT 4.2.0 Greylisted") ==
        "450 4.2.0 <bob@example.com>: Recipient address rejected: Greylisted");
  CHECK(answered("521 5.7.1 go") == "521 5.7.1 <bob@example.com>: Recipient address rejected: go");
  CHECK(answered("reject_non_fqdn_sender, permit") == "250 2.1.5 Ok");
  CHECK(answered("nonsense and more") == "451 4.3.5 Server configuration error");
}

TEST_CASE("a policy server without an answer counts as if it had said its default action") {
  FakeTables tables;
  CHECK(answer(known_client(), tables, asks) ==
        "451 4.3.5 <bob@example.com>: Recipient address "
        "rejected: Server configuration problem");
  CHECK(answer(known_client(), tables, {"smtpd_policy_service_default_action=DUNNO", asks[0]}) ==
        "250 2.1.5 Ok");
  CHECK(answer(known_client(), tables,
               {"smtpd_recipient_restrictions=check_policy_service { inet:127.0.0.1:7, "
                "default_action=DUNNO }"}) == "250 2.1.5 Ok");
}

TEST_CASE("a verdict with a policy server's answer holds for once") {
  FakeTables tables;
  tables.policy_actions["127.0.0.1:7"] = "DUNNO";
  auto config = config_for_test(asks);
  auto with = evaluate_recipient(known_client(), config->at(Service::Smtp), tables);
  CHECK(with.is_for_once);
  auto plain = config_for_test({});
  CHECK_FALSE(evaluate_recipient(known_client(), plain->at(Service::Smtp), tables).is_for_once);
}

TEST_CASE("an access table may name a class that asks a policy server, and no server itself") {
  FakeTables tables;
  tables.tables["hash:/a"]["bob@example.com"] = "check_policy_service inet:127.0.0.1:7";
  auto about = stranger("bob@example.com");
  std::vector<std::string> settings{"smtpd_recipient_restrictions=check_recipient_access hash:/a"};
  CHECK(answer(about, tables, settings) == "451 4.3.5 Server configuration error");
  CHECK(tables.policy_requests.empty());
  CHECK_FALSE(asks_policy_servers(config_for_test(settings)->at(Service::Smtp)));
  CHECK(asks_policy_servers(config_for_test(asks)->at(Service::Smtp)));
}
