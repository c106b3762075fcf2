#include "smtpd/scheduler/signing.h"

#include <utility>
#include <vector>

#include "common/log/log.h"
#include "common/mailauth/dkim_signer.h"
#include "common/mailauth/dmarc.h"
#include "smtpd/policy/signing_messages.h"
#include "smtpd/scheduler/message_reader.h"

namespace pennypost::smtp {
namespace {

Error no_answer() { return Error::temporary("4.3.0", "the DKIM keys can't be looked up now"); }

bool is_leaving(const Envelope& envelope, Transport transport) {
  return transport == Transport::Smtp && envelope.filter.empty();
}

}  // namespace

SigningRule::SigningRule(std::shared_ptr<const Config> config)
    : config_(std::move(config)), mynetworks_(config_->mynetworks) {}

bool SigningRule::applies(const Envelope& envelope, Transport transport) const {
  return config_->dkim_signing && is_leaving(envelope, transport) && is_ours(envelope);
}

bool SigningRule::seals(const Envelope& envelope, Transport transport) const {
  return config_->arc_sealing && !config_->at(Service::Smtp).mailauth_checks.empty() &&
         is_leaving(envelope, transport) && !is_ours(envelope);
}

bool SigningRule::is_ours(const Envelope& envelope) const {
  if (envelope.is_local || !envelope.sasl_username.empty()) return true;
  auto client = IpAddress::parse(envelope.client_address);
  return client && mynetworks_.contains(*client);
}

Task<Result<std::string>> signature_fields(Loop& loop, Port& lookup, const Attempt& request,
                                           const Descriptor& body, std::int64_t now_seconds) {
  MessageReader reader(loop, request, body);
  CO_TRY(auto header, co_await reader.header());
  FindSigningKeys find;
  auto author = author_domain(header);
  if (!author) co_return std::string();
  find.author_domain = *std::move(author);
  auto finding = lookup.call(std::move(find));
  auto found = co_await std::move(finding);
  if (!found) co_return no_answer();
  if (found->keys.empty()) co_return std::string();
  CO_TRY(auto body_hash, co_await reader.body_hash());
  std::vector<DkimSigner> signers;
  SignDigests ask;
  ask.domain = found->domain;
  for (const auto& key : found->keys) {
    DkimIdentity identity{found->domain, key.selector,
                          key.is_rsa ? KeyKind::Rsa : KeyKind::Ed25519};
    auto signer = DkimSigner::make(identity, header, body_hash, now_seconds);
    if (!signer) {
      log_warning("smtp", request.envelope.id.value() + ": not signed: " + signer.error().text());
      co_return std::string();
    }
    ask.digests.push_back({key.selector, signer->digest()});
    signers.push_back(*std::move(signer));
  }
  auto signing = lookup.call(std::move(ask));
  auto made = co_await std::move(signing);
  if (!made || made->signatures.size() != signers.size()) co_return no_answer();
  std::string fields;
  for (std::size_t i = 0; i < signers.size(); ++i) fields += signers[i].field(made->signatures[i]);
  std::erase(fields, '\r');
  co_return std::move(fields);
}

}  // namespace pennypost::smtp
