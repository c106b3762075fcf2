#include "smtpd/scheduler/signing.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/log/log.h"
#include "common/mailauth/dkim_signer.h"
#include "common/mailauth/dmarc.h"
#include "smtpd/delivery/message_source.h"
#include "smtpd/policy/signing_messages.h"
#include "smtpd/queue/incoming_header.h"

namespace pennypost::smtp {
namespace {

/// What may stand in the queue as a header: what came in, and what was put on top of it.
constexpr std::size_t header_bytes_max = 2 * header_block_bytes_max;

/// Reads a message, of which a part is in memory: its header, and then the hash of its body.
class Reader {
 public:
  Reader(Loop& loop, MessageSource source) : loop_(loop), source_(std::move(source)) {}

  Task<Result<std::string>> header() {
    for (bool is_whole = false; !end_.is_found;) {
      if (text_.size() > header_bytes_max) co_return header_too_long();
      CO_TRY(auto bytes, co_await source_.next(loop_));
      is_whole = bytes.empty();
      text_ += bytes;
      end_ = find_header_end(text_, is_whole);
    }
    co_return text_.substr(0, end_.bytes);
  }

  /// In relaxed form. Called after header().
  Task<Result<std::string>> body_hash() {
    BodyForms forms;
    forms.add(Canonical::Relaxed);
    BodyHasher hasher(forms);
    auto begun = std::min<std::uint64_t>(end_.body_offset(), text_.size());
    hasher.feed(std::string_view(text_).substr(begun));
    for (;;) {
      CO_TRY(auto bytes, co_await source_.next(loop_));
      if (bytes.empty()) break;
      hasher.feed(bytes);
    }
    hasher.finish();
    co_return hasher.hash(Canonical::Relaxed);
  }

 private:
  Loop& loop_;
  MessageSource source_;
  std::string text_;
  HeaderEnd end_;
};

Error no_answer() { return Error::temporary("4.3.0", "the DKIM keys can't be looked up now"); }

}  // namespace

SigningRule::SigningRule(std::shared_ptr<const Config> config)
    : config_(std::move(config)), mynetworks_(config_->mynetworks) {}

bool SigningRule::applies(const Envelope& envelope, Transport transport) const {
  bool is_leaving = transport == Transport::Smtp && envelope.filter.empty();
  if (!config_->dkim_signing || !is_leaving) return false;
  if (envelope.is_local || !envelope.sasl_username.empty()) return true;
  auto client = IpAddress::parse(envelope.client_address);
  return client && mynetworks_.contains(*client);
}

Task<Result<std::string>> signature_fields(Loop& loop, Port& lookup, const Attempt& request,
                                           const Descriptor& body, std::int64_t now_seconds) {
  Descriptor own;
  if (body) own = Descriptor(::fcntl(body.number(), F_DUPFD_CLOEXEC, 3));
  Reader reader(loop, MessageSource(request.envelope, request.body, std::move(own)));
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
