import { describe, expect, it } from 'vitest'
import { subjectOf } from '../../../src/broker/security/distinguished-name.ts'

// Certificates that nobody has the key of, and what Java's X500Principal.getName() says of them.
const CASES: readonly [subject: string, certificate: string][] = [
  [
    String.raw`CN=client,OU=Billing,O=Example\, Inc.,C=US`,
    'MIIB6DCCAY2gAwIBAgIURicS7IKPDEMJQj5yUf0X0u4GUqMwCgYIKoZIzj0EAwIwSDELMAkGA1UEBhMCVVMxFjAUBgNVBAoMDUV4YW1wbGUsIEluYy4xEDAOBgNVBAsMB0JpbGxpbmcxDzANBgNVBAMMBmNsaWVudDAgFw0yNjExMjExNDAwNDJaGA8yMTI2MTAyODE0MDA0MlowSDELMAkGA1UEBhMCVVMxFjAUBgNVBAoMDUV4YW1wbGUsIEluYy4xEDAOBgNVBAsMB0JpbGxpbmcxDzANBgNVBAMMBmNsaWVudDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNnEG0tCTFwGqyhRYQiaBwWkgifU3patPAWFkvx9ERuyZL+g2BUKQapwGhxXE6EoW4fnKh5jY46W+ALsBLGaCJCjUzBRMB0GA1UdDgQWBBSNmBJVk9NcJdT+1ZbibyalHWd5QTAfBgNVHSMEGDAWgBSNmBJVk9NcJdT+1ZbibyalHWd5QTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDiHEuFSgK8CjSHaQ722xLsalyxQwSXl01lYxL7drkt+wIhALlnmmYfrgcZ5iEvxKMoIfsALH9PTStVJvwHV3/zYyPP',
  ],
  [
    String.raw`CN=\ \#lead and trail\ ,O=A\+B\<C\>D\;E\"F\#G\=H,STREET=Weg 1,L=München,ST=Bayern,C=DE`,
    'MIICRTCCAeugAwIBAgIUMTTxJ4SQtYw2h8xPGEEGZ3aYdnkwCgYIKoZIzj0EAwIwdzELMAkGA1UEBhMCREUxDzANBgNVBAgMBkJheWVybjERMA8GA1UEBwwITcO8bmNoZW4xDjAMBgNVBAkMBVdlZyAxMRgwFgYDVQQKDA9BK0I8Qz5EO0UiRiNHPUgxGjAYBgNVBAMMESAjbGVhZCBhbmQgdHJhaWwgMCAXDTI2MTEyMTE0MDA0MloYDzIxMjYxMDI4MTQwMDQyWjB3MQswCQYDVQQGEwJERTEPMA0GA1UECAwGQmF5ZXJuMREwDwYDVQQHDAhNw7xuY2hlbjEOMAwGA1UECQwFV2VnIDExGDAWBgNVBAoMD0ErQjxDPkQ7RSJGI0c9SDEaMBgGA1UEAwwRICNsZWFkIGFuZCB0cmFpbCAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATZxBtLQkxcBqsoUWEImgcFpIIn1N6WrTwFhZL8fREbsmS/oNgVCkGqcBocVxOhKFuH5yoeY2OOlvgC7ASxmgiQo1MwUTAdBgNVHQ4EFgQUjZgSVZPTXCXU/tWW4m8mpR1neUEwHwYDVR0jBBgwFoAUjZgSVZPTXCXU/tWW4m8mpR1neUEwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAo1U1mrppZsmX4CuAh9Ap1SUf8SvJtwyYDcwzdTPzT4ICIDQRb41GCVP7cs68im+Cj6ZtnhD/oyejFoHCz0nFz6+6',
  ],
  [
    String.raw`CN=back\\slash,1.2.840.113549.1.9.1=#16056140622e63,UID=alice,DC=org`,
    'MIICBjCCAaugAwIBAgIUa4fYeeCPaJASo+RqHdMK2LbRNAYwCgYIKoZIzj0EAwIwVzETMBEGCgmSJomT8ixkARkWA29yZzEVMBMGCgmSJomT8ixkAQEMBWFsaWNlMRQwEgYJKoZIhvcNAQkBFgVhQGIuYzETMBEGA1UEAwwKYmFja1xzbGFzaDAgFw0yNjExMjExNDAwNDJaGA8yMTI2MTAyODE0MDA0MlowVzETMBEGCgmSJomT8ixkARkWA29yZzEVMBMGCgmSJomT8ixkAQEMBWFsaWNlMRQwEgYJKoZIhvcNAQkBFgVhQGIuYzETMBEGA1UEAwwKYmFja1xzbGFzaDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNnEG0tCTFwGqyhRYQiaBwWkgifU3patPAWFkvx9ERuyZL+g2BUKQapwGhxXE6EoW4fnKh5jY46W+ALsBLGaCJCjUzBRMB0GA1UdDgQWBBSNmBJVk9NcJdT+1ZbibyalHWd5QTAfBgNVHSMEGDAWgBSNmBJVk9NcJdT+1ZbibyalHWd5QTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDoWkI0DTXbVms9EwLSE6pmo5e3DS+D8mSUf7aBXlEUxAIhAKraTjQueT6nF6ytpQV6aBtHVO0algTOzNzB/e2Oge67',
  ],
  [
    String.raw`UID=7+CN=multi\+ple,O=x`,
    'MIIBujCCAV+gAwIBAgIUK3Hlb4X0P9YAYCsiD9qkpfd6sVAwCgYIKoZIzj0EAwIwMTEKMAgGA1UECgwBeDEjMA8GCgmSJomT8ixkAQEMATcwEAYDVQQDDAltdWx0aStwbGUwIBcNMjYxMTIxMTQwMDQyWhgPMjEyNjEwMjgxNDAwNDJaMDExCjAIBgNVBAoMAXgxIzAPBgoJkiaJk/IsZAEBDAE3MBAGA1UEAwwJbXVsdGkrcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2cQbS0JMXAarKFFhCJoHBaSCJ9Telq08BYWS/H0RG7Jkv6DYFQpBqnAaHFcToShbh+cqHmNjjpb4AuwEsZoIkKNTMFEwHQYDVR0OBBYEFI2YElWT01wl1P7VluJvJqUdZ3lBMB8GA1UdIwQYMBaAFI2YElWT01wl1P7VluJvJqUdZ3lBMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAJ5M6un6q+5LkANC48bdLR1muDwy0sPLxHmH92sK/Q0iAiEAxjhI3/GOt4R9jVW6Jz3OtooyuQ1PuDclG3zIdDeYG+M=',
  ],
]

describe('the subject of a certificate', () => {
  it.each(CASES)('%s', (subject, certificate) => {
    expect(subjectOf(Buffer.from(certificate, 'base64'))).toBe(subject)
  })

  it('is refused, and nothing worse, when the certificate is cut short or no certificate', () => {
    const whole = Buffer.from(CASES[0]![1], 'base64')
    for (let length = 0; length < whole.length; length++) {
      expect(() => subjectOf(whole.subarray(0, length))).toThrow(RangeError)
    }
    expect(() => subjectOf(Buffer.from('GET / HTTP/1.1'))).toThrow(RangeError)
  })
})
