#include "common/log/sink.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <mutex>
#include <thread>
#include <utility>

#include "common/base/assert.h"
#include "common/base/own_file.h"

namespace pennypost {
namespace {

constexpr std::size_t line_bytes_usual = 100;  // what stands before the text
constexpr std::chrono::milliseconds connection_pause{100};
constexpr std::chrono::milliseconds end_pause{20};
constexpr int end_tries = 50;

/// `Nov 21 07:40:40`. The time zone is read once, before a changed root hides it. Made once a
/// second and thread.
std::string_view timestamp() {
  struct Made {
    std::time_t at = -1;
    std::size_t size = 0;
    std::array<char, 32> text{};
  };
  static thread_local Made made;
  std::time_t now = std::time(nullptr);
  if (now != made.at) {
    std::tm local{};
    localtime_r(&now, &local);
    made.size = std::strftime(made.text.data(), made.text.size(), "%b %e %H:%M:%S", &local);
    made.at = now;
  }
  return {made.text.data(), made.size};
}

std::string short_hostname() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  std::string text = name.data();
  return text.substr(0, text.find('.'));
}

/// getpid(), which is a system call.
int own_process() {
  static int process = getpid();
  static const int hook = pthread_atfork(nullptr, nullptr, [] { process = getpid(); });
  ASSERT(hook == 0);
  return process;
}

struct Tag {
  std::string name;
  bool is_dovecot_form = false;
  bool is_json = false;

  bool is_whole(std::string_view component) const { return component.starts_with('/'); }
  /// Whether the component stands behind the tag, as in Dovecot's lines.
  bool follows(std::string_view component) const { return is_dovecot_form && !is_whole(component); }
};

/// What there is to write.
struct Entry {
  Severity severity = Severity::Info;
  std::string_view component;
  std::string_view text;
  int process = 0;  // 0: this one
  LogParts fields;

  int pid() const { return process == 0 ? own_process() : process; }
};

/// `line` with `name/component` behind it.
void add_program(std::string& line, const Tag& tag, std::string_view component) {
  if (tag.is_whole(component)) {
    line.append(component.substr(1));
    return;
  }
  line.append(tag.name);
  if (!tag.follows(component)) line.append("/").append(component);
}

/// `line` with `name/component[process]: ` behind it.
void add_tag(std::string& line, const Tag& tag, const Entry& entry) {
  add_program(line, tag, entry.component);
  line.append("[").append(std::to_string(entry.pid())).append("]: ");
}

/// `line` with `warning: text` behind it, of the greatest length at most.
void add_text(std::string& line, const Tag& tag, const Entry& entry) {
  if (tag.follows(entry.component)) line.append(entry.component).append(": ");
  line.append(prefix(entry.severity)).append(entry.text);
  if (line.size() > log_line_bytes_max) line.resize(log_line_bytes_max);
}

/// `line` with the entry's JSON behind it.
void add_json(std::string& line, const Tag& tag, std::string_view host, const Entry& entry) {
  std::string program;
  add_program(program, tag, entry.component);
  LogLineHead head;
  head.microseconds = std::chrono::duration_cast<std::chrono::microseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  head.host = host;
  head.program = program;
  head.process = entry.pid();
  head.severity = severity_name(entry.severity);
  std::string before;
  if (tag.follows(entry.component)) before = std::string(entry.component) + ": ";
  before += prefix(entry.severity);
  line += json_log_line(head, before, entry.text, entry.fields);
}

/// For those that were beyond what is kept.
std::string lost_text(std::size_t count) {
  return std::to_string(count) +
         " log lines of this process are lost: the log could not be written";
}

void wait_until_written(LogSink& sink) {
  for (int i = 0; i < end_tries && sink.write_waiting() != Drained::All; ++i) {
    std::this_thread::sleep_for(end_pause);
  }
}

void finish(LogSink& sink) {
  if (!sink.is_waiting()) return;
  wait_until_written(sink);
  if (!sink.is_waiting()) return;
  constexpr std::string_view text = "pennypost: the last log lines of a process are lost\n";
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

/// Owns a descriptor that another thread may be writing to while it is replaced: the new file takes
/// the old one's number by dup3(), so that no write can reach a stranger.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ > STDERR_FILENO) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return fd_; }
  void replace(int fd) {
    dup3(fd, fd_, O_CLOEXEC);
    ::close(fd);
  }

 private:
  int fd_;
};

class FileSink : public LogSink {
 public:
  FileSink(Tag tag, std::string path, int fd)
      : tag_(std::move(tag)), path_(std::move(path)), hostname_(short_hostname()), file_(fd) {}
  ~FileSink() override { finish(*this); }

  static Result<int> open_file(const std::string& path) {
    auto file = open_own_file(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY, 0640);
    if (!file) {
      return Error::permanent("maillog_file: " + describe_refusal(path, errno) +
                              "; create its directory, or let it be written");
    }
    return file.release();
  }

  void write(Severity severity, std::string_view component, std::string_view text,
             int process) override {
    write_fields(severity, component, text, process, {});
  }
  void write_fields(Severity severity, std::string_view component, std::string_view text,
                    int process, LogParts fields) override {
    std::string line = line_of({severity, component, text, process, fields});
    if (gatherer_.load() != std::this_thread::get_id()) return put(line);
    if (gathered_.size() + line.size() > log_gathered_bytes_max) flush();
    gathered_ += line;
    if (severity != Severity::Info) flush();
  }
  void gather(bool gathers) override {
    flush();
    gatherer_ = gathers ? std::this_thread::get_id() : std::thread::id();
  }
  void flush() override {
    if (gathered_.empty()) return;
    put(gathered_);
    gathered_.clear();
  }
  Result<void> reopen() override {
    if (path_.empty()) return {};
    TRY(int fd, open_file(path_));
    file_.replace(fd);
    return {};
  }
  int descriptor() const override { return file_.value(); }
  void adopt(int fd) override { file_.replace(fd); }
  bool is_waiting() const override { return kept_.any(); }
  Drained write_waiting() override {
    std::lock_guard lock(mutex_);
    return kept_.drain([this](std::string& lines) { return append(lines); },
                       [this](std::size_t count) {
                         return line_of({Severity::Warning, "log", lost_text(count), 0, {}});
                       });
  }

 private:
  std::string line_of(const Entry& entry) const {
    std::string line;
    line.reserve(line_bytes_usual + entry.text.size());
    if (tag_.is_json) {
      add_json(line, tag_, hostname_, entry);
    } else {
      line.append(timestamp()).append(" ").append(hostname_).append(" ");
      add_tag(line, tag_, entry);
      add_text(line, tag_, entry);
    }
    line += '\n';
    return line;
  }
  /// A log that can't be written must not stop the mail.
  void put(std::string_view lines) {
    ssize_t written = kept_.any() ? 0 : ::write(file_.value(), lines.data(), lines.size());
    auto count = static_cast<std::size_t>(std::max<ssize_t>(written, 0));
    if (count == lines.size()) return;
    std::lock_guard lock(mutex_);
    kept_.add(std::string(lines.substr(count)));
  }
  /// False: what could be written is gone from `lines`.
  bool append(std::string& lines) const {
    ssize_t written = ::write(file_.value(), lines.data(), lines.size());
    if (written == static_cast<ssize_t>(lines.size())) return true;
    lines.erase(0, static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    return false;
  }

  Tag tag_;
  std::string path_;  ///< empty for stderr and stdout
  std::string hostname_;
  Descriptor file_;
  std::atomic<std::thread::id> gatherer_;  // none: nobody
  std::string gathered_;                   // the gatherer's alone
  std::mutex mutex_;                       // guards what follows, but for any()
  KeptLines kept_;
};

int connect_syslog() {
  int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "/dev/log");
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

int facility_number(std::string_view name) {
  constexpr std::pair<std::string_view, int> facilities[] = {
      {"mail", LOG_MAIL},     {"daemon", LOG_DAEMON}, {"local0", LOG_LOCAL0},
      {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},
      {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6},
      {"local7", LOG_LOCAL7}};
  for (const auto& [word, number] : facilities) {
    if (word == name) return number;
  }
  return LOG_MAIL;
}

int priority(Severity severity) {
  switch (severity) {
    case Severity::Info:
      return LOG_INFO;
    case Severity::Warning:
      return LOG_WARNING;
    case Severity::Error:
      return LOG_ERR;
    case Severity::Fatal:
    case Severity::Panic:
      return LOG_CRIT;
  }
  return LOG_INFO;
}

/// RFC 3164 datagrams to /dev/log, without libc's syslog(): one tag a line, and the descriptor is
/// ours.
class SyslogSink : public LogSink {
 public:
  SyslogSink(Tag tag, int facility)
      : tag_(std::move(tag)), facility_(facility), socket_(connect_syslog()) {}
  ~SyslogSink() override {
    finish(*this);
    if (socket_ >= 0) ::close(socket_);
  }

  void write(Severity severity, std::string_view component, std::string_view text,
             int process) override {
    write_fields(severity, component, text, process, {});
  }
  void write_fields(Severity severity, std::string_view component, std::string_view text,
                    int process, LogParts fields) override {
    std::string line = line_of({severity, component, text, process, fields});
    std::lock_guard lock(mutex_);
    bool is_next = !kept_.any() || drain() == Drained::All;
    if (is_next && send(line)) return;
    kept_.add(std::move(line));
  }
  int descriptor() const override { return socket_; }
  void adopt(int fd) override {
    std::lock_guard lock(mutex_);
    take(fd);
    drain();
  }
  int connect_anew() const override { return connect_syslog(); }
  bool is_waiting() const override { return kept_.any(); }
  Drained write_waiting() override {
    std::lock_guard lock(mutex_);
    return drain();
  }

 private:
  std::string line_of(const Entry& entry) const {
    std::string line = "<" + std::to_string(facility_ | priority(entry.severity)) + ">";
    line.reserve(line_bytes_usual + entry.text.size());
    line.append(timestamp()).append(" ");
    add_tag(line, tag_, entry);
    if (tag_.is_json) {
      add_json(line, tag_, "", entry);
    } else {
      add_text(line, tag_, entry);
    }
    return line;
  }
  Drained drain() {
    return kept_.drain([this](std::string& line) { return send(line); },
                       [this](std::size_t count) {
                         return line_of({Severity::Warning, "log", lost_text(count), 0, {}});
                       });
  }
  /// False: syslogd is away, or has not read what it was sent before.
  bool send(const std::string& line) {
    if (try_send(line)) return true;
    bool is_slow = socket_ >= 0 && (errno == EAGAIN || errno == ENOBUFS);
    auto now = std::chrono::steady_clock::now();
    if (is_slow || now < next_connection_) return false;
    next_connection_ = now + connection_pause;
    int fresh = connect_syslog();
    if (fresh < 0) return false;
    take(fresh);
    return try_send(line);
  }
  bool try_send(const std::string& line) const {
    return socket_ >= 0 &&
           ::send(socket_, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
  }
  void take(int fd) {
    if (socket_ >= 0) ::close(socket_);
    socket_ = fd;
  }

  Tag tag_;
  int facility_;
  std::mutex mutex_;  // guards what follows, but for any()
  int socket_;
  std::chrono::steady_clock::time_point next_connection_{};
  KeptLines kept_;
};

std::unique_ptr<LogSink>& current() {
  static std::unique_ptr<LogSink> sink =
      std::make_unique<FileSink>(Tag{"pennypost", false, false}, "", STDERR_FILENO);
  return sink;
}

void log_panic(const char* text) {
  log_sink().write(Severity::Panic, "panic", text);
  finish_log();
}

}  // namespace

std::string_view prefix(Severity severity) {
  switch (severity) {
    case Severity::Info:
      return "";
    case Severity::Warning:
      return "warning: ";
    case Severity::Error:
      return "error: ";
    case Severity::Fatal:
      return "fatal: ";
    case Severity::Panic:
      return "panic: ";
  }
  return "";
}

std::string_view severity_name(Severity severity) {
  return severity == Severity::Info ? "info"
                                    : prefix(severity).substr(0, prefix(severity).find(':'));
}

LogOptions in_dovecot_form(LogOptions options) {
  std::string_view name = options.syslog_name;
  bool is_known = name == "postfix" || name.starts_with("postfix-") || name == "dovecot";
  if (!is_known) return options;
  options.syslog_name = "dovecot";
  options.is_dovecot_form = true;
  return options;
}

Result<void> open_log(const LogOptions& options) {
  tzset();
  std::unique_ptr<LogSink> sink;
  Tag tag{options.syslog_name, options.is_dovecot_form, options.log_format == "json"};
  if (options.maillog_file.empty()) {
    sink = std::make_unique<SyslogSink>(tag, facility_number(options.syslog_facility));
  } else if (options.maillog_file == "/dev/stderr" || options.maillog_file == "/dev/stdout") {
    int fd = options.maillog_file == "/dev/stdout" ? STDOUT_FILENO : STDERR_FILENO;
    sink = std::make_unique<FileSink>(tag, "", fd);
  } else {
    TRY(int fd, FileSink::open_file(options.maillog_file));
    sink = std::make_unique<FileSink>(tag, options.maillog_file, fd);
  }
  set_log(std::move(sink));
  on_panic(&log_panic);
  return {};
}

std::unique_ptr<LogSink> set_log(std::unique_ptr<LogSink> sink) {
  return std::exchange(current(), std::move(sink));
}

LogSink& log_sink() { return *current(); }

void finish_log() { wait_until_written(log_sink()); }

class LogCapture::Sink : public LogSink {
 public:
  void write(Severity severity, std::string_view component, std::string_view text,
             int /*process*/) override {
    std::lock_guard lock(mutex_);
    lines_.push_back(std::string(component) + ": " + std::string(prefix(severity)) +
                     std::string(text));
  }
  std::vector<std::string> lines() const {
    std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

LogCapture::LogCapture() {
  auto sink = std::make_unique<Sink>();
  sink_ = sink.get();
  before_ = set_log(std::move(sink));
}

LogCapture::~LogCapture() { set_log(std::move(before_)); }

std::vector<std::string> LogCapture::lines() const { return sink_->lines(); }

std::string LogCapture::last() const {
  auto all = sink_->lines();
  return all.empty() ? "" : all.back();
}

}  // namespace pennypost
