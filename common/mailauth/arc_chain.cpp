#include "common/mailauth/arc_chain.h"

#include <algorithm>
#include <map>

#include "common/base/text.h"
#include "common/mailauth/tag_list.h"

namespace pennypost {
namespace {

constexpr std::string_view results_name = "ARC-Authentication-Results";
constexpr std::string_view message_name = "ARC-Message-Signature";
constexpr std::string_view seal_name = "ARC-Seal";

/// A set as far as it was found; each field may be there once.
struct Found {
  std::optional<std::size_t> results_at;
  std::optional<std::size_t> message_at;
  std::optional<std::size_t> seal_at;
  ArcSet set;
};

/// RFC 8617 section 4.1.1: `i=1; authserv-id; ...`.
Result<std::uint32_t> take_instance(std::string_view& body) {
  auto end = body.find(';');
  auto tag = trim(body.substr(0, end));
  auto equals = tag.find('=');
  if (end == body.npos || equals == tag.npos || trim(tag.substr(0, equals)) != "i") {
    return Error::permanent("does not begin with i=");
  }
  auto number = parse_number(trim(tag.substr(equals + 1)));
  if (!number || *number == 0 || *number > arc_sets_max) {
    return Error::permanent("has an instance that is not 1 to " + std::to_string(arc_sets_max));
  }
  body.remove_prefix(end + 1);
  return static_cast<std::uint32_t>(*number);
}

class Collector {
 public:
  explicit Collector(const SignedHeader& header) : header_(header) {}

  Result<void> add(std::size_t at) {
    const auto& field = header_.fields()[at];
    if (field.is(results_name)) return add_results(at, field.body);
    if (field.is(message_name)) return add_signature(at, SignatureKind::ArcMessage);
    if (field.is(seal_name)) return add_signature(at, SignatureKind::ArcSeal);
    return {};
  }
  /// The sets in order, if they are whole and none is missing.
  Result<std::vector<ArcSet>> sets() const;

  std::map<std::uint32_t, Found> found;

 private:
  Result<void> add_results(std::size_t at, std::string_view body) {
    TRY(auto instance, take_instance(body));
    auto& one = found[instance];
    one.set.results = trim(body);
    return put(one.results_at, at);
  }
  Result<void> add_signature(std::size_t at, SignatureKind kind) {
    SignatureField partial;
    auto field = SignatureField::parse(kind, header_.fields()[at].body, &partial);
    // The number is kept even if the rest is malformed: the next hop's is one higher.
    if (partial.instance > 0) found[partial.instance];
    if (!field) return field.error();
    auto& one = found[field->instance];
    bool is_seal = kind == SignatureKind::ArcSeal;
    (is_seal ? one.set.seal : one.set.message) = *std::move(field);
    return put(is_seal ? one.seal_at : one.message_at, at);
  }
  static Result<void> put(std::optional<std::size_t>& place, std::size_t at) {
    if (place) return Error::permanent("is there twice");
    place = at;
    return {};
  }
  const SignedHeader& header_;
};

Result<std::vector<ArcSet>> Collector::sets() const {
  std::vector<ArcSet> sets;
  for (const auto& [instance, one] : found) {
    auto name = "ARC set " + std::to_string(instance);
    if (instance != sets.size() + 1) {
      return Error::permanent("ARC set " + std::to_string(sets.size() + 1) + " is missing");
    }
    if (!one.results_at || !one.message_at || !one.seal_at) {
      return Error::permanent(name + " is not whole");
    }
    ArcSet set = one.set;
    set.results_at = *one.results_at;
    set.message_at = *one.message_at;
    set.seal_at = *one.seal_at;
    // RFC 8617 section 5.2, step 3.
    if (set.seal.chain != (instance == 1 ? "none" : "pass") && set.seal.chain != "fail") {
      return Error::permanent(name + " has a wrong cv=");
    }
    sets.push_back(std::move(set));
  }
  return sets;
}

}  // namespace

ArcChain ArcChain::of(const SignedHeader& header) {
  ArcChain chain;
  Collector collector(header);
  const auto& fields = header.fields();
  for (std::size_t at = 0; at < fields.size(); ++at) {
    auto added = collector.add(at);
    if (!added && chain.mistake.empty()) {
      chain.mistake = std::string(fields[at].name) + ": " + added.error().text();
    }
  }
  if (header.is_too_long()) {
    chain.mistake = "more than " + std::to_string(signed_fields_max) + " header fields";
  }
  if (!collector.found.empty()) {
    const auto& [instance, newest] = *collector.found.rbegin();
    chain.highest = instance;
    chain.has_failed = newest.set.seal.chain == "fail";
  }
  if (!chain.mistake.empty()) return chain;
  auto sets = collector.sets();
  if (!sets) {
    chain.mistake = sets.error().text();
  } else if (std::ranges::any_of(*sets, [](const auto& set) { return set.seal.chain == "fail"; })) {
    chain.mistake = "an ARC seal says that the chain had failed before";
  } else {
    chain.sets = *std::move(sets);
  }
  return chain;
}

void add_sealed(Sha256& sha, const SignedHeader& header, const ArcSet& set, bool is_own) {
  const auto& fields = header.fields();
  sha.add(canonical_field(Canonical::Relaxed, fields[set.results_at].whole));
  sha.add(canonical_field(Canonical::Relaxed, fields[set.message_at].whole));
  const auto& seal = fields[set.seal_at].whole;
  sha.add(is_own ? unsigned_field(Canonical::Relaxed, seal)
                 : canonical_field(Canonical::Relaxed, seal));
}

}  // namespace pennypost
