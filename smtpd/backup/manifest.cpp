#include "smtpd/backup/manifest.h"

#include <charconv>
#include <iterator>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

constexpr std::string_view first_word = "pennypost-backup";

bool is_plain(char c) { return !is_control(c) && c != '%'; }

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (is_plain(c)) {
      out += c;
    } else {
      out += "%" + hex_encode(std::string_view(&c, 1));
    }
  }
  return out;
}

template <class Number>
bool parse(std::string_view text, Number& number, int base = 10) {
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return problem == std::errc() && end == text.data() + text.size();
}

bool parse_text(std::string_view text, std::string& into) {
  into.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      into += text[i];
      continue;
    }
    unsigned char octet = 0;
    if (i + 2 >= text.size() || !parse(text.substr(i + 1, 2), octet, 16)) return false;
    into += static_cast<char>(octet);
    i += 2;
  }
  return true;
}

using Fields = std::vector<std::string_view>;
constexpr std::size_t common_fields = 7;

bool parse_item(const Fields& fields, BackupItem& item) {
  if (fields.size() < common_fields || fields[0].size() != 1) return false;
  item.kind = static_cast<BackupItem::Kind>(fields[0][0]);
  bool is_right = parse(fields[1], item.mode, 8) && parse(fields[2], item.uid) &&
                  parse(fields[3], item.gid) && parse_text(fields[4], item.user) &&
                  parse_text(fields[5], item.group) && parse_text(fields[6], item.path);
  // A path goes below the directory that is restored, and nowhere else.
  is_right = is_right && item.path.starts_with('/') && item.path.find("/../") == item.path.npos &&
             !item.path.ends_with("/..");
  switch (item.kind) {
    case BackupItem::Kind::Directory:
      return is_right && fields.size() == common_fields;
    case BackupItem::Kind::Link:
      return is_right && fields.size() == common_fields + 1 && parse_text(fields[7], item.target);
    case BackupItem::Kind::File:
      return is_right && fields.size() == common_fields + 5 && parse(fields[7], item.size) &&
             parse(fields[8], item.mtime_ns) && parse(fields[9], item.device) &&
             parse(fields[10], item.inode) && parse_text(fields[11], item.digest);
  }
  return false;
}

bool parse_account(const Fields& fields, BackupHost& host) {
  BackupAccount account;
  bool has_control = fields.size() == 6;
  bool is_right = (fields.size() == 5 || has_control) && parse_text(fields[1], account.name) &&
                  parse_text(fields[2], account.format) && parse_text(fields[3], account.root) &&
                  parse_text(fields[4], account.inbox) &&
                  (!has_control || parse_text(fields[5], account.control));
  host.accounts.push_back(std::move(account));
  return is_right;
}

bool parse_line(const Fields& fields, Manifest& manifest) {
  const std::pair<std::string_view, std::string*> places[] = {
      {"host", &manifest.host.name},
      {"config", &manifest.host.config_directory},
      {"base", &manifest.host.base_dir},
      {"queue", &manifest.host.queue_directory},
  };
  for (const auto& [word, place] : places) {
    if (fields[0] == word) return fields.size() == 2 && parse_text(fields[1], *place);
  }
  if (fields[0] == "account") return parse_account(fields, manifest.host);
  if (fields[0] == "end") {
    std::size_t count = 0;
    manifest.is_complete =
        fields.size() == 2 && parse(fields[1], count) && count == manifest.items.size();
    return manifest.is_complete;
  }
  BackupItem item;
  if (!parse_item(fields, item)) return false;
  manifest.items.push_back(std::move(item));
  return true;
}

}  // namespace

bool BackupItem::is_same(const struct stat& status) const {
  return has_content_of(status) && uid == status.st_uid && gid == status.st_gid &&
         mode == (status.st_mode & 07777u);
}

bool BackupItem::has_content_of(const struct stat& status) const {
  return size == static_cast<std::uint64_t>(status.st_size) &&
         mtime_ns == status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
}

Result<Manifest> Manifest::read(const std::string& file) {
  std::ifstream in(file);
  if (!in) return Error::temporary(file + ": there is no backup, or it can't be read");
  Manifest manifest;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line) && !in.eof(); ++number) {
    std::string where = file + ":" + std::to_string(number) + ": ";
    auto fields = split(line, '\t');
    if (number == 1) {
      if (fields.size() == 2 && fields[0] == first_word && fields[1] == backup_form) continue;
      return Error::permanent(where + "not the list of a backup that this version can read");
    }
    if (line.size() > manifest_line_bytes_max || !parse_line(fields, manifest)) {
      return Error::permanent(where + "damaged: " + printable(line, 200));
    }
  }
  return manifest;
}

Result<ManifestWriter> ManifestWriter::create(const std::string& file, const BackupHost& host) {
  ManifestWriter writer(file);
  if (!writer.out_) return Error::temporary(file + ": can't be written");
  writer.out_ << first_word << "\t" << backup_form << "\n"
              << "host\t" << escaped(host.name) << "\nconfig\t" << escaped(host.config_directory)
              << "\nbase\t" << escaped(host.base_dir) << "\nqueue\t"
              << escaped(host.queue_directory) << "\n";
  for (const auto& account : host.accounts) {
    writer.out_ << "account\t" << escaped(account.name) << "\t" << account.format << "\t"
                << escaped(account.root) << "\t" << escaped(account.inbox);
    if (!account.control.empty()) writer.out_ << "\t" << escaped(account.control);
    writer.out_ << "\n";
  }
  return writer;
}

void ManifestWriter::add(const BackupItem& item) {
  out_ << static_cast<char>(item.kind) << "\t" << std::oct << item.mode << std::dec << "\t"
       << item.uid << "\t" << item.gid << "\t" << escaped(item.user) << "\t" << escaped(item.group)
       << "\t" << escaped(item.path);
  if (item.kind == BackupItem::Kind::Link) out_ << "\t" << escaped(item.target);
  if (item.kind == BackupItem::Kind::File) {
    out_ << "\t" << item.size << "\t" << item.mtime_ns << "\t" << item.device << "\t" << item.inode
         << "\t" << item.digest;
  }
  out_ << "\n";
  ++count_;
}

Result<void> ManifestWriter::finish() {
  out_ << "end\t" << count_ << "\n";
  out_.close();
  if (!out_) return Error::temporary(file_ + ": can't be written; is there room?");
  return {};
}

}  // namespace pennypost::smtp
