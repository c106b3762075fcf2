#include "store/mailbox/disk_names.h"

#include "common/base/text.h"

namespace pennypost::store {
namespace {

Error no_place(const std::string& why) {
  return Error(550, ResponseCode::Cannot, "Mailbox name " + why);
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

Result<std::string> DiskNames::on_disk(const MailboxName& name) const {
  if (name.is_inbox()) return name.text();
  std::string_view rest = name.text();
  if (!rest.starts_with(prefix_) || rest.size() == prefix_.size()) {
    return no_place("must begin with " + prefix_);
  }
  rest.remove_prefix(prefix_.size());
  std::string text;
  for (auto level : split(rest, outside_)) {
    if (escape_ == '\0' && outside_ != on_disk_ && level.find(on_disk_) != level.npos) {
      return no_place("has a " + std::string(1, on_disk_) +
                      ", which stands between levels on disk");
    }
    if (!text.empty()) text += on_disk_;
    text += escaped(level);
  }
  return text;
}

std::optional<MailboxName> DiskNames::outside(std::string_view on_disk) const {
  std::string text;
  for (auto level : split(on_disk, on_disk_)) {
    if (!text.empty()) text += outside_;
    text += unescaped(level);
  }
  return with_prefix(text);
}

std::string DiskNames::without_prefix(const MailboxName& name) const {
  bool has_prefix = !name.is_inbox() && name.text().starts_with(prefix_);
  return name.text().substr(has_prefix ? prefix_.size() : 0);
}

std::optional<MailboxName> DiskNames::with_prefix(std::string_view name) const {
  bool is_inbox = equal_nocase(name, MailboxName::inbox().text());
  auto parsed = MailboxName::parse(is_inbox ? std::string(name) : prefix_ + std::string(name),
                                   outside_, SIZE_MAX, SIZE_MAX);
  if (!parsed) return {};
  return *std::move(parsed);
}

std::string DiskNames::escaped(std::string_view level) const {
  if (escape_ == '\0') return std::string(level);
  std::string out;
  for (char c : level) {
    bool must = c == escape_ || c == on_disk_ || c == '/' || (c == '~' && out.empty());
    if (must) {
      out += escape_;
      out += hex_encode(std::string_view(&c, 1));
    } else {
      out += c;
    }
  }
  return out;
}

std::string DiskNames::unescaped(std::string_view level) const {
  if (escape_ == '\0') return std::string(level);
  std::string out;
  for (std::size_t i = 0; i < level.size(); ++i) {
    int high = level[i] == escape_ && i + 2 < level.size() ? hex_value(level[i + 1]) : -1;
    int low = high >= 0 ? hex_value(level[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += level[i];
    }
  }
  return out;
}

}  // namespace pennypost::store
