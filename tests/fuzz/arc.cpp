// Any bytes in as a header; no crash, chains without gaps, and sets that are found again, out.
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/mailauth/arc_chain.h"
#include "common/mailauth/arc_sealer.h"

using namespace pennypost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  text.resize(header_bytes(text));
  SignedHeader header(text);
  auto chain = ArcChain::of(header);
  ASSERT(chain.sets.size() <= arc_sets_max);
  ASSERT(chain.sets.empty() || (chain.mistake.empty() && chain.highest == chain.sets.size()));
  for (std::size_t i = 0; i < chain.sets.size(); ++i) {
    ASSERT(chain.sets[i].seal.instance == i + 1 && chain.sets[i].message.instance == i + 1);
    Sha256 sha;
    add_sealed(sha, header, chain.sets[i], true);
  }
  ArcSealRequest request;
  request.identity = {"example.org", "s1", KeyKind::Ed25519};
  request.header = text;
  request.body_hash = std::string(32, 'h');
  request.chain = chain.is_empty() ? ArcStatus::None : ArcStatus::Pass;
  request.results = "mx.example.org; none";
  auto sealer = ArcSealer::make(request);
  if (!sealer) return 0;
  (void)sealer->seal_digest("m");
  auto longer = sealer->fields(std::string(64, 'm'), std::string(64, 's')) + text;
  SignedHeader again(longer);
  ASSERT(ArcChain::of(again).highest == chain.highest + 1 || again.is_too_long());
  return 0;
}
