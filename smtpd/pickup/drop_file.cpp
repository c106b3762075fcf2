#include "smtpd/pickup/drop_file.h"

#include <algorithm>
#include <cstring>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

constexpr std::string_view magic = "PDROP1\n";

bool is_plain(const std::string& text) {
  return text.size() <= posting_text_bytes_max && std::ranges::none_of(text, is_control);
}

}  // namespace

std::string drop_head(const Posting& posting) {
  std::string body = wire::encode(posting);
  auto length = static_cast<std::uint32_t>(body.size());
  std::string head(magic);
  head.append(reinterpret_cast<const char*>(&length), sizeof length);
  return head + body;
}

Result<DropHead> parse_drop_head(std::string_view bytes) {
  std::uint32_t length = 0;
  std::size_t before = magic.size() + sizeof length;
  if (!bytes.starts_with(magic) || bytes.size() < before) return Error(501, "not a drop file");
  std::memcpy(&length, bytes.data() + magic.size(), sizeof length);
  if (length > posting_bytes_max || length > bytes.size() - before) {
    return Error(501, "not a whole drop file");
  }
  auto posting = wire::decode<Posting>(bytes.substr(before, length));
  if (!posting) return Error(501, "not a drop file's envelope");
  TRY_DO(check_posting(*posting));
  DropHead head;
  head.posting = *std::move(posting);
  head.bytes = before + length;
  return head;
}

Result<void> check_posting(const Posting& posting) {
  if (posting.recipients.empty()) return Error(501, "5.5.4", "no recipients");
  if (posting.recipients.size() > posting_recipients_max) {
    return Error(501, "5.5.3", "too many recipients");
  }
  if (!is_plain(posting.sender) || !is_plain(posting.envid) ||
      !std::ranges::all_of(posting.recipients, is_plain)) {
    return Error(501, "5.1.3", "an address is too long or holds control characters");
  }
  if (posting.ret > Ret::Headers || posting.notify > 15)
    return Error(501, "5.5.4", "DSN parameters");
  return {};
}

}  // namespace pennypost::smtp
