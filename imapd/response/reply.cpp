#include "imapd/response/reply.h"

#include "common/base/client_words.h"
#include "common/base/text.h"
#include "common/mail/encoded.h"

namespace pennypost::imap {
namespace {

// RFC 9051 section 7.1.
std::string_view name_of(ResponseCode code) {
  switch (code) {
    case ResponseCode::None:
      return "";
    case ResponseCode::AlreadyExists:
      return "ALREADYEXISTS";
    case ResponseCode::Cannot:
      return "CANNOT";
    case ResponseCode::Corruption:
      return "CORRUPTION";
    case ResponseCode::Expunged:
      return "EXPUNGEISSUED";
    case ResponseCode::InUse:
      return "INUSE";
    case ResponseCode::Limit:
      return "LIMIT";
    case ResponseCode::NonExistent:
      return "NONEXISTENT";
    case ResponseCode::NoPerm:
      return "NOPERM";
    case ResponseCode::OverQuota:
      return "OVERQUOTA";
    case ResponseCode::TryCreate:
      return "TRYCREATE";
    case ResponseCode::Unavailable:
      return "UNAVAILABLE";
  }
  return "";
}

std::string with_code(std::string_view code, std::string_view text) {
  std::string out;
  if (!code.empty()) out.append("[").append(code).append("] ");
  return out.append(text);
}

}  // namespace

Reply Reply::no(ResponseCode code, std::string_view text) { return no(name_of(code), text); }

Reply Reply::no(std::string_view code, std::string_view text) {
  return Reply(Status::No, with_code(code, text));
}

Reply::Reply(const Error& error) : status_(error.code() == 501 ? Status::Bad : Status::No) {
  auto code = error.response_code();
  if (code == ResponseCode::None && error.is_temporary()) code = ResponseCode::Unavailable;
  auto words = client_words(error);
  text_ = with_code(name_of(code), printable(words));
  if (words != error.text()) log_text_ = error.text();
}

// RFC 9051 section 9: text in UTF-8 is for clients that have enabled it.
Reply Reply::in_form(NameForm form) const {
  if (form == NameForm::Utf8 || is_ascii(text_)) return *this;
  return Reply(status_, encode_utf7(printable(text_, text_.size())).value_or(""));
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

Reply mail_unavailable() {
  return Reply::no(ResponseCode::Unavailable, "Your mailbox can't be opened now.");
}

Error with_try_create(const Error& error) {
  bool is_missing = error.response_code() == ResponseCode::NonExistent;
  return is_missing ? Error(error.code(), ResponseCode::TryCreate, error.text()) : error;
}

}  // namespace pennypost::imap
