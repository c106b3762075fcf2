// Keys in a table of DNS, and messages signed with them, for unit tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/async/loop.h"
#include "common/dns/testing.h"
#include "common/mail/header.h"
#include "common/mailauth/arc.h"
#include "common/mailauth/arc_sealer.h"
#include "common/mailauth/dkim.h"
#include "common/mailauth/dkim_signer.h"

namespace pennypost {

inline constexpr std::int64_t test_now = 1'800'000'000;

/// The SHA-256 of the body in relaxed form.
inline std::string relaxed_hash(std::string_view body) {
  BodyForms forms;
  forms.add(Canonical::Relaxed);
  BodyHasher hasher(forms);
  hasher.feed(body);
  hasher.finish();
  return hasher.hash(Canonical::Relaxed);
}

/// What a verifier says of a message, whose body comes in pieces of 7 octets.
inline std::vector<DkimResult> dkim_results(TableResolver& dns, std::string_view message,
                                            std::int64_t now = test_now) {
  Loop loop;
  auto header = header_bytes(message);
  DkimVerifier verifier(std::string(message.substr(0, header)), now);
  for (auto body = message.substr(header); !body.empty();) {
    verifier.feed(body.substr(0, 7));
    body.remove_prefix(std::min<std::size_t>(7, body.size()));
  }
  return loop.run_until(verifier.results(loop, dns, std::chrono::seconds(5)));
}

/// The message below a signature by `key`.
inline std::string dkim_signed(const DkimIdentity& identity, const SigningKey& key,
                               std::string_view message, std::int64_t now = test_now) {
  auto header = header_bytes(message);
  auto signer = DkimSigner::make(identity, message.substr(0, header),
                                 relaxed_hash(message.substr(header)), now);
  ASSERT(signer);
  return signer->field(key.sign(signer->digest())) + std::string(message);
}

/// What a verifier says of a message's ARC chain.
inline ArcResult arc_result(TableResolver& dns, std::string_view message,
                            std::int64_t now = test_now) {
  Loop loop;
  auto header = header_bytes(message);
  ArcVerifier verifier(std::string(message.substr(0, header)), now);
  if (verifier.needs_body()) verifier.feed(message.substr(header));
  return loop.run_until(verifier.result(loop, dns, std::chrono::seconds(5)));
}

/// The message with a set by `key`, whose chain was `chain` when it came in.
inline Result<std::string> arc_sealed(const DkimIdentity& identity, const SigningKey& key,
                                      std::string_view message, ArcStatus chain,
                                      std::string results = "mx.example.org; none",
                                      std::int64_t now = test_now) {
  auto header = header_bytes(message);
  ArcSealRequest request;
  request.identity = identity;
  request.header = message.substr(0, header);
  request.body_hash = relaxed_hash(message.substr(header));
  request.chain = chain;
  request.results = std::move(results);
  request.now_seconds = now;
  TRY(auto sealer, ArcSealer::make(request));
  auto signature = key.sign(sealer.message_digest());
  auto seal = key.sign(sealer.seal_digest(signature));
  return sealer.fields(signature, seal) + std::string(message);
}

}  // namespace pennypost
