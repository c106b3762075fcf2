#include "smtpd/scheduler/sealing.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/mailauth/arc_sealer.h"
#include "common/mailauth/auth_results_parser.h"
#include "smtpd/policy/signing_messages.h"
#include "smtpd/scheduler/message_reader.h"

namespace pennypost::smtp {
namespace {

/// What we have found out about a message when it came.
struct Verdict {
  std::string results;  // the body of our field, with CRLF where it is folded
  ArcStatus chain = ArcStatus::None;
};

/// The names that our Authentication-Results bear, of all services.
std::vector<std::string> our_names(const Config& config) {
  std::vector<std::string> names;
  for (const auto& service : config.listening({Service::Smtp})) {
    names.push_back(service.settings->authserv_id);
  }
  return names;
}

/// What our checks have said of the chain; TempError if it was not looked at, but is there.
ArcStatus status_of_chain(std::string_view header, const std::vector<AuthMethod>& methods) {
  auto arc = std::ranges::find(methods, "arc", &AuthMethod::method);
  if (arc == methods.end()) {
    bool is_there = !ArcChain::of(SignedHeader(header)).is_empty();
    return is_there ? ArcStatus::TempError : ArcStatus::None;
  }
  for (auto status : {ArcStatus::None, ArcStatus::Pass, ArcStatus::Fail}) {
    if (arc->result == name_of(status)) return status;
  }
  return ArcStatus::TempError;
}

std::optional<Verdict> verdict_in(std::string_view header, const Config& config) {
  auto names = our_names(config);
  for (const auto& field : HeaderFields(header).find_all("Authentication-Results")) {
    if (!bears_authserv_id(field.body, names)) continue;
    Verdict verdict;
    for (char c : trim(field.body)) {
      if (c == '\n') verdict.results += '\r';
      if (c != '\r') verdict.results += c;
    }
    verdict.chain = status_of_chain(header, parse_auth_results(field.body));
    return verdict;
  }
  return {};
}

/// The signature of one digest; nothing if it can't be made now.
Task<std::optional<std::string>> signature_of(Port& lookup, const DkimIdentity& identity,
                                              std::string digest) {
  SignDigests ask;
  ask.domain = identity.domain;
  ask.digests.push_back({identity.selector, std::move(digest)});
  auto signing = lookup.call(std::move(ask));
  auto made = co_await std::move(signing);
  if (!made || made->signatures.size() != 1) co_return std::nullopt;
  co_return std::move(made->signatures.front());
}

/// The RSA key that seals: few verifiers know Ed25519, and a set has one seal (RFC 8617 section
/// 4.1.3). Nothing if there is none. Error: it can't be looked up now.
Task<Result<std::optional<DkimIdentity>>> sealer_for(Port& lookup, std::string domain) {
  FindSigningKeys find;
  find.author_domain = lower(domain);
  auto finding = lookup.call(std::move(find));
  CO_TRY(auto found, co_await std::move(finding));
  std::optional<DkimIdentity> identity;
  auto key = std::ranges::find(found.keys, true, &FindSigningKeys::Key::is_rsa);
  if (key != found.keys.end()) identity = DkimIdentity{found.domain, key->selector, KeyKind::Rsa};
  co_return std::move(identity);
}

void warn(const Attempt& request, const std::string& why) {
  log_warning("smtp", request.envelope.id.value() + ": not sealed: " + why);
}

}  // namespace

Task<Result<std::string>> seal_fields(Loop& loop, Port& lookup, const Config& config,
                                      const Attempt& request, const Descriptor& body,
                                      std::int64_t now_seconds) {
  MessageReader reader(loop, request, body);
  CO_TRY(auto header, co_await reader.header());
  auto verdict = verdict_in(header, config);
  if (!verdict || verdict->chain == ArcStatus::TempError) co_return std::string();
  auto finding = sealer_for(lookup, config.arc_sealing_domain);
  auto identity = co_await std::move(finding);
  if (!identity) warn(request, identity.error().text());
  if (!identity || !*identity) co_return std::string();
  ArcSealRequest seal;
  seal.identity = **identity;
  seal.header = std::move(header);
  CO_TRY(seal.body_hash, co_await reader.body_hash());
  seal.chain = verdict->chain;
  seal.results = std::move(verdict->results);
  seal.now_seconds = now_seconds;
  auto sealer = ArcSealer::make(seal);
  // A chain that has failed before is nothing to be told of.
  if (!sealer) co_return std::string();
  auto signing = signature_of(lookup, seal.identity, sealer->message_digest());
  auto message_signature = co_await std::move(signing);
  std::optional<std::string> seal_signature;
  if (message_signature) {
    auto sealing = signature_of(lookup, seal.identity, sealer->seal_digest(*message_signature));
    seal_signature = co_await std::move(sealing);
  }
  if (!seal_signature) warn(request, "the key can't be used now");
  if (!seal_signature) co_return std::string();
  auto fields = sealer->fields(*message_signature, *seal_signature);
  std::erase(fields, '\r');
  co_return std::move(fields);
}

}  // namespace pennypost::smtp
