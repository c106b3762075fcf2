#include "imapd/admin/copied_mail.h"

#include "common/base/text.h"
#include "common/crypto/random.h"

namespace pennypost::imap {
namespace {

constexpr std::string_view entry_head = "/private/vendor/pennypost/copied/";
constexpr std::size_t id_bytes = 16;
constexpr std::size_t annotations_max = 10'000;
constexpr std::uint64_t piece_octets = 256 << 10;

std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace

CopyNote::CopyNote(store::MailStore& store, store::MailboxName target, std::string_view source)
    : store_(store),
      target_(std::move(target)),
      entry_(std::string(entry_head) + hexadecimal(sha256(source).substr(0, id_bytes))) {}

Result<CopyMark> CopyNote::read(std::uint32_t uid_validity) const {
  CopyMark fresh;
  fresh.uid_validity = uid_validity;
  TRY(auto file, store_.annotations(target_));
  TRY(auto annotations, file.read());
  auto found = annotations.find(entry_);
  if (found == annotations.end()) return fresh;
  CopyMark mark = fresh;
  auto numbers = words(found->second, " ");
  if (numbers.size() != 3 || parse_number(numbers[0]) != uid_validity) return fresh;
  auto last = parse_number(numbers[1]);
  auto target = parse_number(numbers[2]);
  if (!last || !target || *last > UINT32_MAX || *target > UINT32_MAX) return fresh;
  mark.last = static_cast<std::uint32_t>(*last);
  mark.target = static_cast<std::uint32_t>(*target);
  return mark;
}

Result<void> CopyNote::write(const CopyMark& mark) const {
  TRY(auto file, store_.annotations(target_));
  store::AnnotationChanges changes;
  changes[entry_] = std::to_string(mark.uid_validity) + " " + std::to_string(mark.last) + " " +
                    std::to_string(mark.target);
  TRY_DO(file.change(changes, annotations_max));
  return {};
}

void TextDigest::add(std::string_view octets) {
  while (!octets.empty()) {
    if (after_cr_ && octets.front() != '\n') digest_.add("\r");
    after_cr_ = false;
    auto end = octets.find("\r\n");
    auto piece = octets.substr(0, end);
    if (end == std::string_view::npos && piece.ends_with('\r')) {
      after_cr_ = true;
      piece.remove_suffix(1);
    }
    digest_.add(piece);
    octets.remove_prefix(end == std::string_view::npos ? octets.size() : end + 1);
  }
}

std::string TextDigest::finish() {
  if (after_cr_) digest_.add("\r");
  return digest_.finish();
}

Result<KnownMessages> KnownMessages::read(store::Mailbox& mailbox, std::uint32_t first) {
  KnownMessages known;
  for (const auto& message : mailbox.messages()) {
    if (message.uid.value() < first) continue;
    auto reader = mailbox.open(message.uid);
    if (!reader && store::is_expunged(reader.error())) continue;
    if (!reader) return std::move(reader).error();
    TextDigest digest;
    for (std::uint64_t at = 0;; at += piece_octets) {
      TRY(auto piece, reader->read(at, piece_octets));
      digest.add(piece);
      if (piece.size() < piece_octets) break;
    }
    ++known.counts_[digest.finish()];
  }
  return known;
}

bool KnownMessages::take(const std::string& digest) {
  auto found = counts_.find(digest);
  if (found == counts_.end()) return false;
  if (--found->second == 0) counts_.erase(found);
  return true;
}

}  // namespace pennypost::imap
