#!/bin/sh
# Puts a certificate of acme.sh where main.toml names it, now and after each renewal.
#
#   acme.sh mail.example.org
#
# acme.sh copies the files itself and then reloads; its own directory is no place to read them from.
set -eu
name=${1:?the name of the certificate is missing, such as mail.example.org}
certificate=$(postconf -xh ssl_cert)
key=$(postconf -xh ssl_key)
[ -n "$certificate" ] || certificate=$(postconf -xh smtpd_tls_cert_file)
[ -n "$key" ] || key=$(postconf -xh smtpd_tls_key_file)
if [ -z "$certificate" ] || [ -z "$key" ]; then
  echo "ssl_cert and ssl_key are not set; pennypost setup sets them" >&2
  exit 78
fi
exec acme.sh --install-cert -d "$name" --fullchain-file "$certificate" --key-file "$key" --reloadcmd "pennypost reload"
