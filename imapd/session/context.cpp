#include "imapd/session/context.h"

#include "common/log/log.h"
#include "common/mail/encoded.h"
#include "common/mail/unicode.h"
#include "imapd/response/untagged.h"
#include "imapd/session/compressed_stream.h"
#include "store/sharing/sharing.h"

namespace pennypost::imap {
namespace {

// Dovecot's CLIENT_MAX_BAD_COMMANDS.
constexpr std::uint64_t bad_commands_max = 20;
// How soon, and then how often, a long command looks whether its client is still there.
constexpr Duration look_interval{100};
// What a client may send ahead before it is read no further.
constexpr std::size_t ahead_bytes_max = 65536;

/// Whether UTF-8 text has control characters that are not ASCII's: U+0080 to U+009F, and U+2028 and
/// U+2029, which separate lines and paragraphs.
bool has_wide_control(std::string_view text) {
  for (std::size_t at = 0; at + 1 < text.size(); ++at) {
    auto next = static_cast<unsigned char>(text[at + 1]);
    if (text[at] == '\xc2' && next >= 0x80 && next <= 0x9f) return true;
    auto three = text.substr(at, 3);
    if (three == "\xe2\x80\xa8" || three == "\xe2\x80\xa9") return true;
  }
  return false;
}

}  // namespace

Limits limits_of(const Settings& settings) {
  Limits limits;
  limits.line_bytes_max = settings.imap_max_line_length;
  limits.literal_bytes_max = limits.line_bytes_max;
  limits.command_bytes_max = 4 * limits.line_bytes_max;
  limits.message_bytes_max = settings.imap_append_limit;
  limits.skip_bytes_max = limits.message_bytes_max + limits.command_bytes_max;
  limits.literals_max = settings.imap_command_literal_max;
  limits.nesting_max = settings.imap_nesting_max;
  limits.search_keys_max = settings.imap_search_keys_max;
  limits.list_patterns_max = settings.imap_list_patterns_max;
  return limits;
}

SessionContext::SessionContext(std::shared_ptr<const WorkerContext> worker, Connection& connection,
                               LoggedIn who, std::shared_ptr<Account> account,
                               std::unique_ptr<store::MailStore> store)
    : Conversation(connection, worker->settings(), worker->limits, bad_commands_max),
      worker_(std::move(worker)),
      who_(std::move(who)),
      account_(std::move(account)),
      store_(std::move(store)),
      events_("imap", who_.user, who_.session_id, settings().mail_log_events,
              settings().mail_log_fields),
      trace_(worker_->traces, connection),
      turns_(loop()) {}

void SessionContext::select(std::unique_ptr<Selected> selected) {
  selected_ = std::move(selected);
  if (announcer_) announcer_->mailbox_changed();
}

void SessionContext::tell_account(const store::MailboxName& name, std::string_view old_name) const {
  AccountNews news;
  news.by = this;
  news.name = name.text();
  news.old_name = old_name;
  account_->board.tell(news);
}

Result<store::MailboxName> SessionContext::mailbox_name(std::string_view wire) const {
  if (name_form() == NameForm::Utf8) {
    if (!is_utf8(wire)) return Error(550, ResponseCode::Cannot, "Mailbox name is not valid UTF-8");
    return store_->parse_name(wire);
  }
  auto utf8 = decode_utf7(wire);
  if (!utf8) return Error(550, ResponseCode::Cannot, "Mailbox name is not valid modified UTF-7");
  return store_->parse_name(*utf8);
}

Result<store::MailboxName> SessionContext::new_mailbox_name(std::string_view wire) const {
  TRY(auto name, mailbox_name(wire));
  if (has_wide_control(name.text())) {
    return Error(550, ResponseCode::Cannot, "Mailbox name has a control character");
  }
  bool is_normal = name_form() != NameForm::Utf8 || nfc(name.text()) == name.text();
  if (is_normal) return name;
  return Error(550, ResponseCode::Cannot,
               "Mailbox name is not in Unicode's normal form NFC, which is: " + nfc(name.text()));
}

// RFC 7889 section 2: the limit is the same for all mailboxes. RFC 8474: only where ids can be
// kept.
std::string SessionContext::store_capabilities() const {
  std::string out = " APPENDLIMIT=" + std::to_string(limits().message_bytes_max);
  if (store_->keeps_ids()) out += " OBJECTID";
  if (!account_->words_directory.empty()) out += " SEARCH=FUZZY";
  if (!worker_->config->sieve.empty()) out += " FILTER=SIEVE";
  // RFC 6785 section 2.1: METADATA names the scripts.
  const auto& url = settings().imapsieve_url;
  if (!url.empty() && settings().imap_metadata) out += " IMAPSIEVE=" + url;
  return out;
}

bool SessionContext::offers_acl() const {
  return store_->sharing() != nullptr && store_->sharing()->offers_acl();
}

void SessionContext::enable_condstore() {
  if (std::exchange(reporting_.modseqs, true) || !selected_) return;
  selected_->set_reporting(reporting_);
  put(highest_modseq_line(selected_->mailbox().highest_modseq()));
}

void SessionContext::enable_qresync() {
  enable_condstore();
  reporting_.vanished = true;
  if (selected_) selected_->set_reporting(reporting_);
}

void SessionContext::enable_rev2() {
  reporting_.rev2 = true;
  if (selected_) selected_->set_reporting(reporting_);
}

void SessionContext::enable_uid_only() {
  reporting_.uid_only = true;
  if (selected_) selected_->set_reporting(reporting_);
}

// What the client has sent ahead of our answer it can't have compressed: that ends the connection.
Task<> SessionContext::begin_compression() {
  if (compression_ != Compression::Asked) co_return;
  compression_ = Compression::Active;
  co_await connection().flush();
  auto early = connection().take_input();
  auto plain = connection().exchange_stream(nullptr);
  connection().exchange_stream(
      std::make_unique<CompressedStream>(std::move(plain), std::move(early)));
}

void SessionContext::log_out() {
  announcer_.reset();
  unselect();
  is_logged_out_ = true;
  end("Unauthenticated");
}

// RFC 8437 section 4.1: the client's layer ends with its command. (Not done: a login that a client
// sends behind it before our answer, which the decompressor takes for more of the same.)
void SessionContext::end_compression() {
  if (compression_ != Compression::Active) return;
  compression_ = Compression::None;
  auto early = connection().take_input();
  auto stream = connection().exchange_stream(nullptr);
  std::string unread;
  connection().exchange_stream(static_cast<CompressedStream&>(*stream).release(unread));
  connection().prepend_input(early + unread);
}

void SessionContext::start_clock(std::string_view tag) {
  tag_ = tag;
  keeps_expunges_back_ = false;
  next_look_ = loop().now() + look_interval;
  next_sign_ = loop().now() + sign_interval();
}

Task<> SessionContext::look_for_client() {
  // Between commands, and in IDLE, another task reads.
  if (is_reading() || loop().now() < next_look_) co_return;
  next_look_ = loop().now() + look_interval;
  // Does not wait: the deadline has passed.
  [[maybe_unused]] bool has_input =
      co_await connection().stream().wait(Poll::Event::Readable, loop().now());
  read_ahead();
}

// Reads what the client sent ahead, and keeps it: the end of the connection comes behind it.
void SessionContext::read_ahead() {
  char piece[4096];
  try {
    while (connection().buffered().size() < ahead_bytes_max) {
      auto count = connection().stream().try_read(piece);
      if (!count) return;
      auto ahead = connection().take_input();
      ahead.append(piece, *count);
      connection().prepend_input(ahead);
    }
  } catch (const Disconnected& end) {
    // A client that has sent its last command may still read the answers. Whether it does, the next
    // sign of life finds out.
    bool may_read = end.reason() == Disconnected::Reason::Eof && connection().has_input();
    if (!may_read) throw;
    if (!has_ended_input_) next_sign_ = loop().now();
    has_ended_input_ = true;
  }
}

Task<> SessionContext::give_sign_of_life(std::string_view text, std::optional<std::uint64_t> done,
                                         std::optional<std::uint64_t> goal) {
  // What works while the client is listened to works for no command.
  if (is_reading() || loop().now() < next_sign_) co_return;
  next_sign_ = loop().now() + sign_interval();
  put(progress_line(tag_, text, done, goal));
  co_await connection().flush();
}

void SessionContext::show(std::string_view line) {
  trace_.hear({"imapd", who_.client, who_.user}, line);
}

void SessionContext::log_failure(const Reply& reply) const {
  if (!reply.log_text().empty()) log_warning("imap", who_.user + ": " + reply.log_text());
}

}  // namespace pennypost::imap
