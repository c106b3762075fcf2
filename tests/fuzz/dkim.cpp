// Any bytes in as a signature field, a key record, a header and a body; no crash, and canonical
// forms that are stable and do not depend on the pieces, out.
#include <string_view>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/mail/header.h"
#include "common/mailauth/canonical.h"
#include "common/mailauth/dkim.h"
#include "common/mailauth/dkim_signer.h"
#include "common/mailauth/signature_field.h"
#include "common/mailauth/tag_list.h"

using namespace pennypost;

namespace {

void hash_body(std::string_view body) {
  BodyForms both;
  both.add(Canonical::Simple);
  both.add(Canonical::Relaxed);
  BodyHasher whole(both);
  BodyHasher pieces(both);
  whole.feed(body);
  for (auto rest = body; !rest.empty(); rest.remove_prefix(1)) pieces.feed(rest.substr(0, 1));
  whole.finish();
  pieces.finish();
  ASSERT(whole.hash(Canonical::Simple) == pieces.hash(Canonical::Simple));
  ASSERT(whole.hash(Canonical::Relaxed) == pieces.hash(Canonical::Relaxed));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)DkimKey::parse(text);
  if (text.empty()) return 0;
  for (auto kind : {SignatureKind::Dkim, SignatureKind::ArcMessage, SignatureKind::ArcSeal}) {
    auto field = SignatureField::parse(kind, text);
    if (!field) continue;
    ASSERT(!field->signature.empty() && !field->domain.empty() && !field->selector.empty());
    std::string whole = "X:" + std::string(text);
    for (auto form : {Canonical::Simple, Canonical::Relaxed}) (void)unsigned_field(form, whole);
  }
  for (auto form : {Canonical::Simple, Canonical::Relaxed}) {
    auto once = canonical_field(form, text);
    ASSERT(once.ends_with("\r\n"));
    ASSERT(canonical_field(form, once) == once);
  }
  auto header = header_bytes(text);
  hash_body(text.substr(header));
  DkimVerifier verifier(std::string(text.substr(0, header)), 1'800'000'000);
  DkimIdentity identity{"example.com", "s", KeyKind::Ed25519};
  auto signer = DkimSigner::make(identity, text.substr(0, header), std::string(32, 'h'), 1);
  if (signer) {
    auto field = signer->field(std::string(64, 's'));
    ASSERT(SignatureField::parse(SignatureKind::Dkim, field.substr(field.find(':') + 1)));
  }
  return 0;
}
