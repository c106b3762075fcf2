#include "imapd/session/reply.h"

#include "common/base/text.h"

namespace pennypost::imap {
namespace {

constexpr std::string_view non_existent = "[NONEXISTENT]";

}  // namespace

Reply::Reply(const Error& error)
    : status_(error.code() == 501 ? Status::Bad : Status::No), text_(printable(error.text())) {
  if (error.is_temporary() && !text_.starts_with('[')) text_ = "[UNAVAILABLE] " + text_;
}

std::string Reply::line(std::string_view tag) const {
  std::string out(tag);
  switch (status_) {
    case Status::Ok:
      out += " OK ";
      break;
    case Status::No:
      out += " NO ";
      break;
    case Status::Bad:
      out += " BAD ";
      break;
  }
  return out + printable(text_, text_.size()) + "\r\n";
}

Reply mail_unavailable() { return Reply::no("[UNAVAILABLE] Your mailbox can't be opened now."); }

Error with_try_create(const Error& error) {
  std::string_view text = error.text();
  if (!text.starts_with(non_existent)) return error;
  return Error(error.code(), "[TRYCREATE]" + std::string(text.substr(non_existent.size())));
}

}  // namespace pennypost::imap
