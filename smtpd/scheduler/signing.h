// Signs our own mail by DKIM as it leaves, after everything that changes it here.
//
// Ours is what this host makes, what users submit who have logged in, and what mynetworks hand in,
// if its author's domain has keys (../policy/key_directory.h). The message in the queue stays
// unsigned: what is signed is what goes out, after smtp_header_checks, body_checks and generic
// maps. Mail to a content filter, by LMTP and to mailboxes of this host is not signed. A server
// without 8BITMIME gets 8-bit mail in another form, in which the signature is not valid.
//
// The body is hashed here, the digest is signed by `lookup`, which alone sees the keys. Without an
// answer from it the mail waits.
//
// LIMITS     header_block_bytes_max, and those of ../../common/mailauth/dkim_signer.h
// STANDARDS  RFC 6376 section 5
// SEE ALSO   outgoing.h (the changes before), sealing.h (mail of strangers),
//            ../policy/signing_messages.h
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/async/loop.h"
#include "common/base/clock.h"
#include "common/base/descriptor.h"
#include "common/config/config.h"
#include "common/config/network_list.h"
#include "common/process/port.h"
#include "smtpd/delivery/messages.h"

namespace pennypost::smtp {

/// Which mail is signed or sealed, by one configuration.
class SigningRule {
 public:
  explicit SigningRule(std::shared_ptr<const Config> config);

  const std::shared_ptr<const Config>& config() const { return config_; }
  /// Whether it is ours, and leaves.
  bool applies(const Envelope& envelope, Transport transport) const;
  /// Whether it is a stranger's, and leaves again: then sealing.h looks for our verdict in it.
  bool seals(const Envelope& envelope, Transport transport) const;

 private:
  bool is_ours(const Envelope& envelope) const;

  std::shared_ptr<const Config> config_;
  NetworkList mynetworks_;
};

/// The rule of the present configuration.
class SigningRules {
 public:
  const SigningRule& of(const std::shared_ptr<const Config>& config) {
    if (!rule_ || rule_->config() != config) rule_.emplace(config);
    return *rule_;
  }

 private:
  std::optional<SigningRule> rule_;
};

/// The DKIM-Signature fields for the message as it goes out, with LF; empty if its author's domain
/// has no keys, or if it can't be signed, which is logged. `body`: its file, if there is one. Error
/// 4.3.0: it can't be told now.
Task<Result<std::string>> signature_fields(Loop& loop, Port& lookup, const Attempt& request,
                                           const Descriptor& body, std::int64_t now_seconds);

}  // namespace pennypost::smtp
