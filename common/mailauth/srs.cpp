#include "common/mailauth/srs.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/crypto/digest.h"

namespace pennypost {
namespace {

constexpr std::string_view separators = "=+-";  // that others put behind SRS0 and SRS1
constexpr std::string_view base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::int64_t day_seconds = 86400;
constexpr std::int64_t days_of_stamp = 32 * 32;  // then it begins anew

std::string stamp_of(std::int64_t now_seconds) {
  auto day = static_cast<std::size_t>(now_seconds / day_seconds % days_of_stamp);
  return {base32[day / 32], base32[day % 32]};
}

/// Whether a stamp is of one of the last days, or of the next, as clocks differ.
bool is_recent(std::string_view stamp, std::int64_t now_seconds) {
  if (stamp.size() != 2) return false;
  auto high = base32.find(to_upper(stamp[0]));
  auto low = base32.find(to_upper(stamp[1]));
  if (high == base32.npos || low == base32.npos) return false;
  auto then = static_cast<std::int64_t>(high * 32 + low);
  auto now = now_seconds / day_seconds % days_of_stamp;
  auto age = (now - then + days_of_stamp) % days_of_stamp;
  return age <= srs_days_max || age == days_of_stamp - 1;
}

/// What stands before the next `=`, which is removed with it; empty if there is none.
std::string_view take_part(std::string_view& rest) {
  auto end = rest.find('=');
  if (end == rest.npos) return {};
  auto part = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return part;
}

bool has_tag(std::string_view local, std::string_view tag) {
  return local.size() > tag.size() && equal_nocase(local.substr(0, tag.size()), tag) &&
         separators.find(local[tag.size()]) != separators.npos;
}

Error not_ours(const std::string& why) { return Error(550, "5.1.1", "this SRS address " + why); }

}  // namespace

bool Srs::is_one(std::string_view local) {
  return has_tag(local, "SRS0") || has_tag(local, "SRS1");
}

std::string Srs::hash(const Secret& secret, std::string_view text) const {
  return base64_encode(hmac_sha1(secret.reveal(), lower(text))).substr(0, srs_hash_characters);
}

/// Without case, since some hosts change that of local parts.
bool Srs::is_hash(std::string_view given, std::string_view text) const {
  return std::ranges::any_of(
      secrets_, [&](const auto& secret) { return equal_nocase(hash(secret, text), given); });
}

Result<MailAddress> Srs::forward(const MailAddress& sender, std::int64_t now_seconds) const {
  const std::string& local = sender.local();
  const std::string& host = sender.domain()->text();
  const Secret& secret = secrets_.front();
  if (has_tag(local, "SRS0")) {
    // With its separator, so that SRS0 can be put before it again.
    std::string rest = local.substr(4);
    return MailAddress::make("SRS1=" + hash(secret, host + rest) + "=" + host + "=" + rest,
                             domain_);
  }
  if (has_tag(local, "SRS1")) {
    // The host after us sends bounces to the first one directly, not through us to the second.
    auto rest = std::string_view(local).substr(5);
    take_part(rest);
    auto first = std::string(take_part(rest));
    if (!first.empty()) {
      auto made = hash(secret, first + std::string(rest));
      return MailAddress::make("SRS1=" + made + "=" + first + "=" + std::string(rest), domain_);
    }
  }
  auto stamp = stamp_of(now_seconds);
  auto made = hash(secret, stamp + host + local);
  return MailAddress::make("SRS0=" + made + "=" + stamp + "=" + host + "=" + local, domain_);
}

Result<MailAddress> Srs::reverse(const MailAddress& address, std::int64_t now_seconds) const {
  const std::string& local = address.local();
  bool is_first = has_tag(local, "SRS0");
  if (!is_first && !has_tag(local, "SRS1")) return not_ours("is none");
  auto rest = std::string_view(local).substr(5);
  auto given = take_part(rest);
  std::string stamp(is_first ? take_part(rest) : "");
  std::string host(take_part(rest));
  if (given.empty() || host.empty() || rest.empty()) return not_ours("is malformed");
  if (!is_hash(given, stamp + host + std::string(rest))) return not_ours("was not made here");
  if (is_first && !is_recent(stamp, now_seconds)) {
    return not_ours("is older than " + std::to_string(srs_days_max) + " days");
  }
  auto domain = Domain::parse(host, Utf8::Allowed);
  if (!domain) return not_ours("has no valid domain");
  auto back = MailAddress::make((is_first ? "" : "SRS0") + std::string(rest), *std::move(domain));
  if (!back) return not_ours("has no valid sender");
  return back;
}

}  // namespace pennypost
