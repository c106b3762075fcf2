#include "imapd/session/object_ids.h"

#include "common/base/text.h"
#include "common/crypto/digest.h"

namespace pennypost::imap {
namespace {

constexpr std::uint64_t piece_octets = 256 << 10;
constexpr std::size_t id_digits = 40;

}  // namespace

Result<std::string> email_id(store::Mailbox& mailbox, store::Uid uid, std::uint64_t& work_octets) {
  if (auto kept = mailbox.cached(uid, store::CacheItem::EmailId)) return *std::move(kept);
  TRY(auto date, mailbox.internal_date(uid));
  TRY(auto reader, mailbox.open(uid));
  Sha256 digest;
  digest.add(std::to_string(date) + '\n');
  std::uint64_t at = 0;
  for (bool more = true; more;) {
    TRY(auto piece, reader.read(at, piece_octets));
    digest.add(piece);
    at += piece.size();
    more = piece.size() == piece_octets;
  }
  work_octets += at;
  auto id = "M" + hex_encode(digest.finish()).substr(0, id_digits);
  mailbox.cache(uid, store::CacheItem::EmailId, id);
  return id;
}

}  // namespace pennypost::imap
