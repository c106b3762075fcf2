#include "common/mailauth/dkim_signer.h"

#include <array>

#include "common/base/text.h"

namespace pennypost {
namespace {

struct SignedName {
  std::string_view name;
  bool oversigned;
};

/// RFC 6376 section 5.4.1.
constexpr std::array signed_names{
    SignedName{"from", true},
    SignedName{"to", true},
    SignedName{"cc", true},
    SignedName{"subject", true},
    SignedName{"date", true},
    SignedName{"message-id", true},
    SignedName{"reply-to", true},
    SignedName{"in-reply-to", true},
    SignedName{"references", true},
    SignedName{"mime-version", true},
    SignedName{"content-type", true},
    SignedName{"content-transfer-encoding", true},
    SignedName{"sender", false},
    SignedName{"auto-submitted", false},
    SignedName{"list-id", false},
    SignedName{"list-unsubscribe", false},
    SignedName{"list-unsubscribe-post", false},
    SignedName{"list-help", false},
    SignedName{"list-post", false},
    SignedName{"list-archive", false},
    SignedName{"tls-report-domain", false},  // RFC 8460 section 5.3
    SignedName{"tls-report-submitter", false},
};

}  // namespace

std::vector<std::string> names_to_sign(const SignedHeader& header) {
  std::vector<std::string> names;
  for (const auto& row : signed_names) {
    std::size_t count = header.count(row.name) + (row.oversigned ? 1 : 0);
    names.insert(names.end(), count, std::string(row.name));
  }
  return names;
}

std::string_view DkimIdentity::algorithm() const {
  return key_kind == KeyKind::Rsa ? "rsa-sha256" : "ed25519-sha256";
}

Result<DkimSigner> DkimSigner::make(const DkimIdentity& identity, std::string_view header,
                                    std::string_view body_hash, std::int64_t now_seconds) {
  SignedHeader fields(header);
  if (fields.is_too_long()) {
    return Error::permanent("more than " + std::to_string(signed_fields_max) + " header fields");
  }
  // RFC 6376 section 8.15: a message with several From fields shows another author than is signed.
  if (fields.count("from") != 1) {
    return Error::permanent(std::to_string(fields.count("from")) + " From fields instead of one");
  }
  auto names = names_to_sign(fields);
  if (names.size() > signed_names_max) {
    return Error::permanent("more than " + std::to_string(signed_names_max) + " fields to sign");
  }
  SignatureFieldWriter writer("DKIM-Signature");
  writer.tag("v", "1");
  writer.tag("a", identity.algorithm());
  writer.tag("c", "relaxed/relaxed");
  writer.tag("d", identity.domain);
  writer.tag("s", identity.selector);
  writer.tag("t", std::to_string(now_seconds));
  writer.tag("bh", base64_encode(body_hash));
  writer.names(names);
  writer.begin_signature();
  Sha256 sha;
  fields.add_to(sha, Canonical::Relaxed, names, fields.fields().size());
  sha.add(unsigned_field(Canonical::Relaxed, writer.text()));
  return DkimSigner(std::move(writer), sha.finish());
}

std::string dkim_key_record(const SigningKey& key) {
  std::string kind = key.kind() == KeyKind::Rsa ? "rsa" : "ed25519";
  return "v=DKIM1; k=" + kind + "; p=" + base64_encode(key.public_bytes());
}

}  // namespace pennypost
